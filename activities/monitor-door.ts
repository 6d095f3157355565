import { WorkflowNotFoundError, type Client } from '@temporalio/client';
import { defineSearchAttributeKey } from '@temporalio/common';
import { taskQueues, workflowId, workflowTypes } from '../contracts/messages.js';
import type { MonitorDoor } from './delivery.js';

/** Reaches monitors through Temporal. */
export function createMonitorDoor(client: Client): MonitorDoor {
  return {
    async tell(model, ended, start) {
      if (start === null) {
        await client.workflow
          .getHandle(workflowId.monitor(model))
          .signal('deliveryEnded', ended)
          .catch(ignoreAbsence);
        return;
      }
      await client.workflow.signalWithStart(workflowTypes.monitorModel, {
        workflowId: workflowId.monitor(model),
        taskQueue: taskQueues.pipeline,
        args: [{ model, checksBefore: start.checksBefore }],
        signal: 'deliveryEnded',
        signalArgs: [ended],
        staticSummary: `Watch ${model}`,
        typedSearchAttributes: [
          { key: defineSearchAttributeKey('MlModel', 'KEYWORD'), value: model },
        ],
      });
    },
  };
}

/** A model that nobody serves has no monitor to tell. */
function ignoreAbsence(error: unknown): void {
  if (!(error instanceof WorkflowNotFoundError)) throw error;
}
