/** Proves on a machine with a GPU what elsewhere is only believed: a training on it, its checkpoint, its death, its resumption, its energy. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { ProgressLine, TrainingJob } from '../contracts/training.js';
import { createFolderArtifacts } from '../runtime/artifacts/folder.js';
import type { TrainingBackend } from '../training/backend.js';
import { createGpuSampler, joulesOf, visibleGpus, type GpuSample } from '../training/gpu-usage.js';
import { outputFiles } from '../training/job-folder.js';
import { trainingKey } from '../training/key.js';
import { createProcessBackend } from '../training/process/backend.js';
import { readProgress } from '../training/progress.js';
import { createCommand } from './command-line.js';

const lookMs = 250;
const patienceMs = 600_000;
const every = 10;
const killAfter = 25;
const hardWork = { steps: 60, every, rounds: 50, rows: 32_768, columns: 2_048, outputs: 512 };
const rehearsal = { steps: 60, every, rounds: 20, rows: 2_048, columns: 64, outputs: 16 };

const command = createCommand('gpu-check')
  .description(
    'Trains on the first GPU of this machine, kills the trainer, resumes it, and reports utilisation and energy.',
  )
  .requiredOption('--python <path>', 'interpreter that has CuPy')
  .option('--rehearse', 'the same on the CPU with NumPy: proves this check, and no GPU')
  .addHelpText(
    'after',
    `
Exit codes: 0 it holds · 1 it does not · 3 no GPU here

Examples:
  ./scripts/gpu-check
  ./scripts/gpu-check --rehearse`,
  )
  .parse();
const { python, rehearse = false } = command.opts<{ python: string; rehearse?: boolean }>();
const sample = createGpuSampler();

class CheckFailed extends Error {
  override readonly name = 'CheckFailed';
}

interface Seen {
  lines: ProgressLine[];
  words: string[];
  code: number | null;
}

async function main(): Promise<number> {
  const [gpu] = visibleGpus(await sample(), '0');
  if (!gpu && !rehearse) {
    tell('no GPU here');
    return 3;
  }
  const home = await mkdtemp(join(tmpdir(), 'perennial-gpu-'));
  const artifacts = createFolderArtifacts(join(home, 'artifacts'));
  const jobs = join(home, 'jobs');
  const backend = createProcessBackend({ jobs, python, installation: 'gpu-check', artifacts });
  const looks: { at: Date; sample: GpuSample }[] = [];
  const over = new AbortController();
  const looking = lookOn(looks, over.signal);
  try {
    const nothing = await artifacts.keepBytes('none', 'channel');
    const channels = { train: nothing, holdout: nothing };
    await check(backend, (attempt) => jobOf(attempt, channels));
  } finally {
    over.abort();
    await looking;
    for (const { key } of await backend.list()) await backend.cancel(key, 0);
    await rm(home, { recursive: true });
  }
  if (gpu) sayUsage(gpu, looks);
  return 0;
}

/** The story: a first attempt is killed behind a checkpoint, the second goes on from there to the end. */
async function check(backend: TrainingBackend, describe: (attempt: number) => TrainingJob) {
  const first = describe(1);
  await backend.submit(first);
  const before = await follow(
    backend,
    first.key,
    ({ lines }) => (lines.at(-1)?.step ?? 0) >= killAfter,
  );
  const pid = Number(/process (\d+) begins/.exec(before.words.join('\n'))?.[1]);
  if (!(pid > 1)) throw new CheckFailed(`The trainer did not begin. ${before.words.join(' ')}`);
  process.kill(pid, 'SIGKILL');
  const killed = await follow(backend, first.key, () => false);
  expectThat(killed.code === 137, `the killed trainer ends with 137, not ${killed.code}`);
  const reached = killed.lines.at(-1)?.step ?? 0;

  const second = describe(2);
  await backend.submit(second);
  const after = await follow(backend, second.key, () => false);
  const resumed = (after.lines[0]?.step ?? 0) - 1;
  expectThat(
    after.code === 0,
    `the second attempt ends with 0, not ${after.code}: ${after.words.join(' ')}`,
  );
  expectThat(
    resumed > 0 && resumed % every === 0 && resumed <= reached && reached - resumed < 2 * every,
    `it resumes from the last checkpoint before step ${reached}, not after step ${resumed}`,
  );
  const [start, end] = [killed.lines[0]?.metrics['loss'], after.lines.at(-1)?.metrics['loss']];
  expectThat(start !== undefined && end !== undefined && end < start, 'the loss falls');
  expectThat(after.lines.at(-1)?.step === hardWork.steps, 'all steps are trained');
  tell(
    `trained      ${hardWork.steps} steps, loss ${start?.toPrecision(3)} to ${end?.toPrecision(3)}`,
  );
  tell(`killed       after step ${reached}, resumed behind its checkpoint of step ${resumed}`);
}

/** Watches a job until it has ended, or `enough` says so. Rejects when it takes too long. */
async function follow(
  backend: TrainingBackend,
  key: string,
  enough: (seen: Seen) => boolean,
): Promise<Seen> {
  const deadline = Date.now() + patienceMs;
  for (;;) {
    const status = await backend.status(key);
    const { lines } = await readProgress(join(backend.root(key), outputFiles.progress), 0);
    const words = (await backend.logs(key, [])).lines.map(({ line }) => line);
    const seen = { lines, words, code: status.state === 'exited' ? status.code : null };
    if (status.state === 'exited' || enough(seen)) return seen;
    if (Date.now() > deadline)
      throw new CheckFailed(`${key} takes longer than ${patienceMs / 1_000} s.`);
    await delay(lookMs);
  }
}

function jobOf(attempt: number, channels: TrainingJob['channels']): TrainingJob {
  const delivery = { model: 'gpu-check', delivery: 1, attempt };
  return {
    ...delivery,
    key: trainingKey({ installation: 'gpu-check', ...delivery }),
    trainer: fileURLToPath(new URL('gpu-trainer', import.meta.url)),
    hyperparameters: { ...(rehearse ? rehearsal : hardWork), gpus: 1, rehearse },
    seed: 7,
    features: [],
    channels,
    labels: { spec: 'gpu-check' },
    resources: { gpus: { class: 'any', count: 1 } },
    environment: { CUDA_VISIBLE_DEVICES: '0' },
  };
}

async function lookOn(
  looks: { at: Date; sample: GpuSample }[],
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    const [seen] = visibleGpus(await sample(), '0');
    if (seen) looks.push({ at: new Date(), sample: seen });
    await delay(lookMs, undefined, { signal }).catch(() => null);
  }
}

function sayUsage({ name, device }: GpuSample, looks: { at: Date; sample: GpuSample }[]): void {
  const told = (read: (sample: GpuSample) => number | null) =>
    looks.flatMap((look) => read(look.sample) ?? []);
  const busy = told(({ utilisation }) => utilisation);
  const memory = told(({ memoryMib }) => memoryMib);
  const joules = joulesOf(looks.map(({ at, sample: { watts } }) => ({ at, watts })));
  const mean = busy.reduce((sum, each) => sum + each, 0) / busy.length;
  tell(`GPU          ${name} (${device})`);
  tell(
    busy.length === 0
      ? 'utilisation  not told by the driver'
      : `utilisation  ${mean.toFixed(0)} % on average of ${busy.length} looks, ${Math.max(...memory, 0)} MiB at most`,
  );
  tell(joules > 0 ? `energy       ${joules.toFixed(0)} J` : 'energy       not told by the driver');
}

function expectThat(holds: boolean, sentence: string): void {
  if (!holds) throw new CheckFailed(`It does not hold that ${sentence}`);
}

function tell(line: string): void {
  process.stdout.write(`${line}\n`);
}

main().then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    process.stderr.write(`${error instanceof CheckFailed ? error.message : String(error)}\n`);
    process.exitCode = 1;
  },
);
