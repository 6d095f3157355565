import { Context } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import type { AllActivities } from '../../scripts/healthy-model.js';

export type ActivityName = keyof AllActivities;
/** What one model's activities do other than by default. */
export type Script = Partial<AllActivities>;

/** A trainer's failure that is nobody's answer: the kind that breaks a workflow. */
export function broken(name: string): () => Promise<never> {
  return () => Promise.reject(ApplicationFailure.nonRetryable(`${name} broke`, 'SOURCE_NOT_FOUND'));
}

/** Work that goes on for as long as it is let. */
export async function untilCancelled(): Promise<never> {
  const context = Context.current();
  const timer = setInterval(() => context.heartbeat(), 100);
  try {
    return await context.cancelled;
  } finally {
    clearInterval(timer);
  }
}
