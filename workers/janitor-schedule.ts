import { ScheduleAlreadyRunning, ScheduleOverlapPolicy, type Client } from '@temporalio/client';
import { taskQueues, workflowId, workflowTypes } from '../contracts/messages.js';

const options = {
  spec: { intervals: [{ every: '5 minutes' as const }] },
  action: {
    type: 'startWorkflow' as const,
    workflowType: workflowTypes.janitor,
    workflowId: workflowId.janitor(),
    taskQueue: taskQueues.pipeline,
    args: [],
  },
  // What was missed while nothing ran is made up for by the next sweep alone.
  policies: { overlap: ScheduleOverlapPolicy.SKIP, catchupWindow: '1 minute' as const },
};

/** Makes sure that the janitor comes every few minutes. Harmless to run again: a Schedule that is there gets these settings. */
export async function ensureJanitor(client: Client): Promise<void> {
  try {
    await client.schedule.create({ scheduleId: workflowId.janitor(), ...options });
  } catch (error) {
    if (!(error instanceof ScheduleAlreadyRunning)) throw error;
    await client.schedule
      .getHandle(workflowId.janitor())
      .update(({ state }) => ({ ...options, state }));
  }
}
