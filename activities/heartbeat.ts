import { Context } from '@temporalio/activity';

/** Beats once a second with the share that is done, and ends the work when the workflow no longer wants it. */
export async function whileBeating<T>(
  work: (task: { signal: AbortSignal; onProgress: (done: number | null) => void }) => Promise<T>,
): Promise<T> {
  const context = Context.current();
  let done: number | null = null;
  context.heartbeat({ done });
  const timer = setInterval(() => context.heartbeat({ done }), 1_000);
  try {
    return await work({
      signal: context.cancellationSignal,
      onProgress: (share) => {
        done = share;
      },
    });
  } catch (error) {
    // Rejects with the engine's own failure, by which it knows a cancellation.
    if (context.cancellationSignal.aborted) await context.cancelled;
    throw error;
  } finally {
    clearInterval(timer);
  }
}
