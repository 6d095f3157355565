import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pythonOf } from '../../cli/stack/parts.js';
import { PerennialError } from '../../contracts/errors.js';
import type { TrainingJob } from '../../contracts/training.js';
import { createFolderArtifacts } from '../../runtime/artifacts/folder.js';
import { loadConfig, type Config } from '../../runtime/config.js';
import { identifyProcess, isRunning } from '../../runtime/process-identity.js';
import type { TrainingBackend } from '../../training/backend.js';
import { trainingKey } from '../../training/key.js';
import { openBackend } from '../../workers/backend.js';
import { openArena, type Arena } from '../faults/arena.js';
import { openContainerEngine } from '../faults/container-engine.js';
import { inflict } from '../faults/inflict.js';
import { startStepping, steppingTrainer, type Stepping } from '../faults/training/stepping.js';
import type { Benchmark } from './benchmark.js';
import { limitedResult, type BenchResult } from './result.js';
import { whileStarted } from './started.js';
import { withTemporaryFolder } from './temporary-folder.js';

const submissions = 7;
const cancellations = 3;
const kills = 2;
/** What workflows/timeouts.ts promises; the server's patience, which is 1.5 s shorter, begins with the last heartbeat before the kill. */
const reattachSeconds = 12;
/** At most this lies between two heartbeats (workers/training.ts); the trainer of this benchmark stops when it is asked. */
const cancelSeconds = 3;
/** Longer than anybody looks at it. */
const endless = { steps: 100_000, every: 50, pause: 0.05 };

export const training: Benchmark = {
  name: 'training',
  what: 'from submit to the first line of a trainer, from a cancel to its end, from a killed worker to the next one',
  run: () =>
    withTemporaryFolder(async (folder) => {
      const figures = await measureSubmissions(folder);
      const arena = await openArena({ ownDisk: false, say: () => {} });
      return whileStarted(arena.close, async (): Promise<BenchResult> => {
        const cancels = await inTurn(cancellations, (turn) => measureCancel(arena, turn));
        const reattached = await inTurn(kills, (turn) => measureReattach(arena, turn));
        const slowest = Math.max(...reattached);
        const question = { name: 'training', peer: null, unit: 's until a new worker watches' };
        const result = limitedResult({ ...question, goal: reattachSeconds }, slowest, {
          ...figures,
          'cancel to end of trainer, slowest, s': Math.max(...cancels),
          'cancel goal, s': cancelSeconds,
        });
        return { ...result, ok: result.ok === true && Math.max(...cancels) <= cancelSeconds };
      });
    }),
};

/** Milliseconds from `submit` to the first line of user code, for each backend that can be had here: the median. */
async function measureSubmissions(folder: string): Promise<Record<string, number>> {
  const given = loadConfig();
  const config = { ...given, home: folder, trainerPython: pythonOf(given), installation: 'bench' };
  const figures = await measureBackend({ ...config, training: 'process' });
  try {
    const engine = await openContainerEngine({ python: config.trainerPython, bare: true });
    const measure = () => measureBackend({ ...config, ...engine.settings });
    return { ...figures, ...(await whileStarted(engine.close, measure)) };
  } catch (error) {
    if (!(error instanceof PerennialError) || error.code !== 'TOOL_MISSING') throw error;
    process.stderr.write(`training: docker is not measured: ${error.message}\n`);
    return figures;
  }
}

async function measureBackend(config: Config): Promise<Record<string, number>> {
  const artifacts = createFolderArtifacts(join(config.home, 'artifacts'));
  const backend = await openBackend(config, artifacts);
  const rows = await artifacts.keepBytes('', 'channel');
  const channels = { train: rows, holdout: rows };
  const took = await inTurn(submissions, (turn) => measureSubmit(backend, { turn, channels }));
  return { [`submit to first line on ${config.training}, ms`]: median(took) };
}

async function measureSubmit(
  backend: TrainingBackend,
  { turn, channels }: { turn: number; channels: TrainingJob['channels'] },
): Promise<number> {
  const named = { model: 'bench', delivery: turn + 1, attempt: 1 };
  const key = trainingKey({ installation: 'bench', ...named });
  const parameters = { steps: 0, every: 1, pause: 0, ledger: '/dev/null' };
  const began = Date.now();
  await backend.submit({
    ...named,
    key,
    trainer: steppingTrainer,
    hyperparameters: parameters,
    seed: 1,
    features: [{ name: 'x', type: 'number' }],
    channels,
    labels: { spec: 'bench' },
  });
  for (;;) {
    const { state } = await backend.status(key);
    if (state === 'exited') break;
    await sleep(20);
  }
  const { lines } = await backend.logs(key, []);
  const at = Number(/ at (\d+)$/.exec(lines[0]?.line ?? '')?.[1]);
  await backend.remove(key);
  if (!Number.isFinite(at)) throw new Error(`The trainer said: ${lines[0]?.line ?? 'nothing'}`);
  return at - began;
}

/** Seconds from a cancelled workflow to the end of its trainer. */
async function measureCancel(arena: Arena, turn: number): Promise<number> {
  const stepping = await startStepping(arena, `cancel-${turn}`, endless);
  await stepping.reach(20);
  const trainer = await trainerOf(stepping);
  const began = performance.now();
  await stepping.handle.cancel();
  while (await isRunning(trainer)) await sleep(10);
  const took = (performance.now() - began) / 1_000;
  await stepping.handle.result().catch(() => {});
  return took;
}

/** Seconds from the kill of the only worker to the first heartbeat of the next one; the trainer must not notice. */
async function measureReattach(arena: Arena, turn: number): Promise<number> {
  const stepping = await startStepping(arena, `reattach-${turn}`, endless);
  await stepping.reach(20);
  const trainer = await trainerOf(stepping);
  const [killed, began] = [Date.now(), performance.now()];
  await inflict(arena, { kind: 'kill', target: 'training', stage: 'train', moment: 0 });
  while (!(await isWatchedSince(stepping, killed))) await sleep(50);
  const took = (performance.now() - began) / 1_000;
  if (!(await isRunning(trainer))) throw new Error('The trainer ended with its worker.');
  await stepping.handle.cancel();
  await stepping.handle.result().catch(() => {});
  return took;
}

/** The last heartbeat stays on show while nobody has taken the work up again: what counts is a newer one. */
async function isWatchedSince({ handle }: Stepping, killed: number): Promise<boolean> {
  const { raw } = await handle.describe();
  const { attempt = 1, lastHeartbeatTime } = raw.pendingActivities?.[0] ?? {};
  const { seconds, nanos } = lastHeartbeatTime ?? {};
  return (attempt ?? 1) > 1 && Number(seconds ?? 0) * 1_000 + (nanos ?? 0) / 1e6 > killed + 1_000;
}

async function trainerOf({ ledger }: Stepping) {
  const began = (await ledger()).find(({ word }) => word === 'began');
  const trainer = await identifyProcess(began?.pid ?? 0);
  if (!trainer) throw new Error('There is no trainer.');
  return trainer;
}

async function inTurn(times: number, measure: (turn: number) => Promise<number>) {
  const found: number[] = [];
  for (let turn = 0; turn < times; turn += 1) found.push(await measure(turn));
  return found;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}
