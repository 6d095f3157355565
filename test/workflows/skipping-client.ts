import { Client, WorkflowClient, type WorkflowStartInput } from '@temporalio/client';

/** Starts workflows whose timers the server skips as soon as nothing else is to be done. */
class SkippingClient extends WorkflowClient {
  protected override async createStartWorkflowRequest(input: WorkflowStartInput) {
    const request = await super.createStartWorkflowRequest(input);
    return { ...request, timeSkippingConfig: { enabled: true } };
  }
}

/** A client like the one given, which waits for no timer of what it starts. */
export function skippingClient({ connection, options: { namespace } }: Client): Client {
  const skipping = new Client({ connection, namespace });
  Object.defineProperty(skipping, 'workflow', {
    value: new SkippingClient({ connection, namespace }),
  });
  return skipping;
}
