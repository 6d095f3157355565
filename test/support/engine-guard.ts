/** Waits until the run that started it is gone without a word, then ends the run's engine. */
import { setTimeout as delay } from 'node:timers/promises';
import { stopEngine } from '../../scripts/engine/own-engine.js';

const [run, folder = ''] = process.argv.slice(2);
while (isAlive(Number(run))) await delay(1_000);
await stopEngine(folder);

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
