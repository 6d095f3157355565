import { ScheduleNotFoundError, ScheduleOverlapPolicy, type Client } from '@temporalio/client';
import { workflowId } from '../contracts/messages.js';
import type { JanitorDoor } from './delivery.js';

/** Has the janitor sweep at once, or once more behind the sweep under way. */
export function createJanitorDoor(client: Client): JanitorDoor {
  return {
    async call() {
      try {
        await client.schedule
          .getHandle(workflowId.janitor())
          .trigger(ScheduleOverlapPolicy.BUFFER_ONE);
      } catch (error) {
        // The next start of a pipeline worker makes the Schedule, which comes by itself.
        if (!(error instanceof ScheduleNotFoundError)) throw error;
      }
    },
  };
}
