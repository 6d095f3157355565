import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { PerennialError } from '../contracts/errors.js';
import type { ScoredRows, ScoreMessage, ScoreTask } from './score-protocol.js';

const launch = new URL('../runtime/launch.mjs', import.meta.url);
const thread = fileURLToPath(new URL('score-worker.ts', import.meta.url));

/** A million rows tell an area under the curve to 0.001; of a larger hold-out a part is judged, the same one every time. */
const maximumRows = 1_000_000;

/**
 * Answers every row of a prepared Parquet file with each model, in a thread of its own, so that heartbeats go on meanwhile.
 * Throws what the models threw (ONNX_INVALID, MODEL_FAILED); aborting ends the thread at once.
 */
export async function scoreHoldout({
  onProgress = () => {},
  signal,
  ...task
}: Pick<ScoreTask, 'data' | 'features' | 'models'> & {
  maximumRows?: number;
  threads?: number;
  onProgress?: (rows: number, total: number) => void;
  signal?: AbortSignal;
}): Promise<ScoredRows> {
  signal?.throwIfAborted();
  const workerData: ScoreTask = { maximumRows, threads: availableParallelism(), ...task };
  const worker = new Worker(launch, { argv: [thread], workerData });
  const answer = new Promise<ScoredRows>((resolve, reject) => {
    worker.on('message', (message: ScoreMessage) => {
      if (message.kind === 'progress') onProgress(message.rows, message.total);
      else if (message.kind === 'done') resolve(message.result);
      else reject(errorOf(message));
    });
    worker.on('error', reject);
    worker.on('exit', (code) => reject(new Error(`The scoring thread ended early (${code})`)));
    signal?.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });
  try {
    return await answer;
  } finally {
    await worker.terminate();
  }
}

function errorOf({ code, message }: Extract<ScoreMessage, { kind: 'failed' }>): Error {
  return code ? new PerennialError(code, message) : new Error(message);
}
