import { DefaultLogger, type Logger } from '@temporalio/worker';
import type { Log } from '../runtime/log.js';

/** Most of our workers have no workflows, on purpose. */
const ordinary = /^No workflows registered/;

/** What Temporal's SDK has to say, in our log and by our keys. Its chatter about starting and stopping is debug to us. */
export function createTemporalLogger(log: Log): Logger {
  return new DefaultLogger('INFO', ({ level, message, meta = {} }) => {
    // With a task's token anybody could answer for its activity.
    const { taskToken: _, workflowRunId, ...facts } = meta as Record<string, unknown>;
    const known = workflowRunId === undefined ? facts : { ...facts, runId: workflowRunId };
    if (level === 'ERROR') log.error(message, known);
    else if (level === 'WARN' && !ordinary.test(message)) log.warn(message, known);
    else log.debug(message, known);
  });
}
