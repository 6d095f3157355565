import { parentPort, workerData } from 'node:worker_threads';
import { PerennialError } from '../contracts/errors.js';
import type { ScoreMessage, ScoreTask } from './score-protocol.js';
import { scoreRows } from './score-rows.js';

/* Body of the thread that score.ts starts: one task, one answer. */

const tell = (message: ScoreMessage): void => parentPort?.postMessage(message);

try {
  const result = await scoreRows(workerData as ScoreTask, (rows, total) =>
    tell({ kind: 'progress', rows, total }),
  );
  tell({ kind: 'done', result });
} catch (error) {
  tell({
    kind: 'failed',
    code: error instanceof PerennialError ? error.code : null,
    message: error instanceof Error ? error.message : String(error),
  });
}
