import { CancellationScope } from '@temporalio/workflow';

/** Work that was started and can be watched beside other things. */
export interface Running<T> {
  settled(): boolean;
  /** The result of settled work; throws what the work threw. */
  result(): T;
  stop(): void;
}

/** Starts work in a scope of its own, without waiting for it. It is cancelled with the scope it was started in. */
export function start<T>(work: () => Promise<T>): Running<T> {
  const scope = new CancellationScope();
  let answer: (() => T) | null = null;
  scope.run(work).then(
    (value) => {
      answer = () => value;
    },
    (error: unknown) => {
      answer = () => {
        throw error;
      };
    },
  );
  return {
    settled: () => answer !== null,
    result() {
      if (answer === null) throw new Error('The work has not settled');
      return answer();
    },
    stop: () => scope.cancel(),
  };
}
