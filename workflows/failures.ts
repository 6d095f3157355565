import {
  ActivityFailure,
  ApplicationFailure,
  CancelledFailure,
  ChildWorkflowFailure,
  TerminatedFailure,
  TimeoutFailure,
} from '@temporalio/common';
import type { DeliveryOutcome } from '../contracts/delivery.js';

/** The error that started it, below the wrappings of activities and children. */
export function rootCause(error: unknown): unknown {
  const wrapped = error instanceof ActivityFailure || error instanceof ChildWorkflowFailure;
  return wrapped && error.cause ? rootCause(error.cause) : error;
}

/** The error in one sentence for people. */
export function sentence(error: unknown): string {
  const cause = rootCause(error);
  if (cause instanceof CancelledFailure) return 'It was cancelled.';
  if (cause instanceof TerminatedFailure) return 'It was terminated.';
  if (cause instanceof TimeoutFailure)
    return `${error instanceof ActivityFailure ? error.activityType : 'It'} did not end in time (${cause.timeoutType}).`;
  return cause instanceof Error ? cause.message : String(cause);
}

/** Code of the error catalogue, where the error carries one. */
export function codeOf(error: unknown): string {
  const cause = rootCause(error);
  return cause instanceof ApplicationFailure && cause.type ? cause.type : 'INTERNAL';
}

/**
 * Errors that answer the delivery's question with no, rather than break it: it ends with a result.
 * Everything else is a failure of the workflow, once it is undone and closed.
 */
const refusals: Record<string, DeliveryOutcome> = {
  CONTRACT_VIOLATED: 'contract-failed',
  TRAINING_FAILED: 'training-failed',
  TRAINING_HUNG: 'training-failed',
  MANIFEST_INVALID: 'training-failed',
  ONNX_INVALID: 'gate-failed',
  PROMOTION_REFUSED: 'rolled-back',
};

export function refusedOutcome(error: unknown): DeliveryOutcome | null {
  const code = codeOf(error);
  // Somebody else moved the traffic: a rollback by hand, while this version waited for its approval or was in release.
  const overtaken = error instanceof ChildWorkflowFailure && error.workflowType === 'releaseModel';
  if (code === 'FENCED' && overtaken) return 'rolled-back';
  return refusals[code] ?? null;
}
