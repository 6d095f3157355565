import { isCancellation } from '@temporalio/workflow';
import { ActivityFailure, ApplicationFailure } from '@temporalio/common';
import { hopeless } from './timeouts.js';

/**
 * Guards, in a delivery, what takes fewer turns through the server than it did: records at once, attributes that are set together. Its
 * children are told by their input, since each guard costs events of its own.
 */
export const fewerTurns = 'fewer-turns';

/**
 * Keeps a record of milliseconds within the workflow's own task, which spares a turn through the server. Where that fails for now, a
 * database away say, `queued` takes over: it is tried for a day, and people see it waiting. Both run the same activity, whose second run
 * is harmless; and it may run twice, for what came of it stands in the history only when the whole task does.
 */
export async function atOnce<T>(
  allowed: boolean,
  promptly: () => Promise<T>,
  queued: () => Promise<T>,
): Promise<T> {
  if (!allowed) return queued();
  try {
    return await promptly();
  } catch (error) {
    if (isCancellation(error) || isFinal(error)) throw error;
    return queued();
  }
}

function isFinal(error: unknown): boolean {
  const cause = error instanceof ActivityFailure ? error.cause : error;
  if (!(cause instanceof ApplicationFailure)) return false;
  return cause.nonRetryable === true || hopeless.includes(cause.type ?? '');
}
