import type { Resource } from '@opentelemetry/resources';
import type { SpanProcessor } from '@opentelemetry/sdk-trace-node';
import type { InjectedSinks } from '@temporalio/worker';
import type { WorkflowInfo } from '@temporalio/workflow';
import {
  makeWorkflowExporter,
  type OpenTelemetrySinks,
} from '@temporalio/interceptors-opentelemetry';

/** Takes the spans that workflows make out of their sandbox, once each: a replay makes the same ones again, and they are left there. */
export function createWorkflowSink(
  processor: SpanProcessor,
  resource: Resource,
): InjectedSinks<OpenTelemetrySinks> {
  const made = makeWorkflowExporter(processor, resource);
  return {
    exporter: {
      export: {
        // All of what it is given becomes attributes: without a choice, memo, search attributes and the last failure too.
        fn: ({ workflowId, runId, workflowType, taskQueue }, spans) =>
          made.export.fn({ workflowId, runId, workflowType, taskQueue } as WorkflowInfo, spans),
        callDuringReplay: false,
      },
    },
  };
}
