import { DefaultLogger, type Logger } from '@temporalio/worker';
import type { Log } from '../runtime/log.js';

/** Most of our workers have no workflows, on purpose. */
const ordinary = /^No workflows registered/;

/** What Temporal's SDK has to say, in our log. Its chatter about starting and stopping is debug to us. */
export function createTemporalLogger(log: Log): Logger {
  return new DefaultLogger('INFO', ({ level, message, meta = {} }) => {
    const { error, ...facts } = meta as Record<string, unknown>;
    const known = error instanceof Error ? { ...facts, error: error.message } : facts;
    if (level === 'ERROR') log.error(message, known);
    else if (level === 'WARN' && !ordinary.test(message)) log.warn(message, known);
    else log.debug(message, known);
  });
}
