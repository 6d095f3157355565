import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import ort from 'onnxruntime-node';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import type { ArtifactRef } from '../../contracts/names.js';
import type { TrainingJob } from '../../contracts/training.js';
import type { ArtifactStore } from '../../runtime/artifacts.js';
import type { TrainingBackend } from '../../training/backend.js';
import { trainingKey } from '../../training/key.js';
import { verifyManifest, type VerifiedManifest } from '../../training/manifest.js';
import { readProgress } from '../../training/progress.js';
import { createProcessBackend } from '../../training/process/backend.js';
import { findTrainer } from '../../training/trainer.js';
import { temporaryArtifacts, temporaryFolder } from '../support/artifacts.js';
import { keepRows } from '../support/parquet.js';
import { trainerPython } from '../support/trainer.js';
import { runToEnd, untilExited } from './watching.js';

const waiting = { timeout: 30_000, interval: 10 };

/** Delays that grow with the hour, more so at some airports; a few distances are missing. */
const rows = (count: number, extra = '') => `
  SELECT i::VARCHAR AS entity, TIMESTAMP '2001-01-01' + INTERVAL (i) MINUTE AS event_time,
    (hash(i * 3) % 24)::FLOAT AS hour,
    CASE WHEN i % 40 = 0 THEN NULL ELSE (100 + hash(i * 5) % 2000)::FLOAT END AS distance,
    CASE WHEN i % 50 = 1 THEN NULL ELSE 'A' || (sqrt(hash(i * 7) % 900))::INTEGER END AS origin,
    ((hash(i * 3) % 24 + hash(i * 11) % 24) + hash(i * 7) % 9 > 30)::UTINYINT AS label${extra}
  FROM range(${count}) AS t(i)`;

// The trainer through its contract, in its real environment: too slow for the fast tests.
describe('The tabular trainer', () => {
  let backend: TrainingBackend;
  let artifacts: ArtifactStore;
  let trainer: string;
  let channels: { train: ArtifactRef; holdout: ArtifactRef };
  let delivery = 0;

  const jobOf = (name: { model: string; delivery: number; attempt: number }): TrainingJob => ({
    ...name,
    key: trainingKey({ installation: 'test', ...name }),
    trainer,
    hyperparameters: { trees: 30, leaves: 8 },
    seed: 3,
    features: [
      { name: 'hour', type: 'number' },
      { name: 'distance', type: 'number' },
      { name: 'origin', type: 'category' },
    ],
    channels,
    labels: {},
  });
  const run = (job: TrainingJob) => runToEnd(backend, job);
  const train = (change: Partial<TrainingJob> = {}) =>
    run({ ...jobOf({ model: 'delays', delivery: ++delivery, attempt: 1 }), ...change });
  const trainWell = async (change: Partial<TrainingJob> = {}): Promise<VerifiedManifest> => {
    const { job, code, root, log } = await train(change);
    expect(code, log.join('\n')).toBe(0);
    return verifyManifest(root, job);
  };

  beforeAll(async () => {
    artifacts = await temporaryArtifacts();
    backend = createProcessBackend({
      jobs: await temporaryFolder(),
      python: await trainerPython(),
      installation: 'test',
      artifacts,
    });
    trainer = await findTrainer('tabular', '/nowhere');
    channels = {
      train: await keepRows(artifacts, rows(4_000)),
      holdout: await keepRows(artifacts, rows(500)),
    };
  });

  it('makes the same bytes of the same rows and seed, and says what they are', async () => {
    const [one, two] = [await trainWell(), await trainWell()];
    expect(one.manifest).toEqual(two.manifest);
    expect(one.manifest.signature.outputs).toEqual([
      { name: 'probability', datatype: 'FP32', shape: [-1, 1] },
    ]);
    expect(one.manifest.environment).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(one.manifest.metrics['train_log_loss']).toBeLessThan(0.5);
    expect(one.manifest.metrics['onnx_largest_difference']).toBeLessThan(1e-5);
  });

  it('tells the loss on the newest rows, which it does not learn from, where a search is to go by it', async () => {
    const { manifest } = await trainWell({
      hyperparameters: { trees: 20, validation_share: 0.25 },
    });
    expect(manifest.metrics['train_rows']).toBe(3_000);
    const { train_log_loss: learnt = NaN, validation_log_loss: unseen = NaN } = manifest.metrics;
    expect(unseen).toBeGreaterThan(learnt);
    expect(unseen).toBeLessThan(0.69);
  });

  it('answers in the runtime that serves, and gives unseen categories a code of their own', async () => {
    const { modelPath } = await trainWell();
    const answers = await ask(modelPath, ['A1', 'A12', 'never seen', '']);
    expect(answers).toHaveLength(4);
    for (const answer of answers) expect(answer).toSatisfy((p: number) => p > 0 && p < 1);
    expect(await ask(modelPath, ['another one', 'A1'])).toEqual([answers[2], answers[0]]);
  });

  it('refuses an unseen category when told to, and answers for seen ones, frequent or rare', async () => {
    const { modelPath } = await trainWell({
      hyperparameters: { trees: 30, unseen_categories: 'error', maximum_categories: 4 },
    });
    expect(await ask(modelPath, ['A1', 'A30', ''])).toHaveLength(3);
    await expect(ask(modelPath, ['A1', 'never seen'])).rejects.toThrow(/out of data bounds/);
  });

  it('has a small sister that `init --from` copies, which keeps the same contract', async () => {
    const starter = { trainer: await findTrainer('starter', '/nowhere'), hyperparameters: {} };
    const [one, two] = [await trainWell(starter), await trainWell(starter)];
    expect(one.manifest).toEqual(two.manifest);
    expect(one.manifest.metrics['train_log_loss']).toBeLessThan(0.6);
    const [seen, unseen, missing] = await ask(one.modelPath, ['A1', 'never seen', '']);
    for (const answer of [seen, unseen, missing])
      expect(answer).toSatisfy((p: number) => p > 0 && p < 1);

    const { code, root } = await train({
      ...starter,
      features: [{ name: 'none', type: 'number' }],
    });
    expect(code).toBe(1);
    expect(await readFile(join(root, 'output', 'failure'), 'utf8')).toMatch(/KeyError: .*none/);
  });

  it('saves its trees when it is stopped, and the next attempt grows on to the same bytes', async () => {
    const hyperparameters = { trees: 400, leaves: 8, feature_fraction: 0.7, checkpoint_seconds: 0 };
    const name = { model: 'delays', delivery: ++delivery, attempt: 1 };
    const key = trainingKey({ installation: 'test', ...name });
    await backend.submit({ ...jobOf(name), hyperparameters });
    const kept = join(backend.root(key), 'checkpoints');
    await vi.waitUntil(async () => (await readdir(kept)).length > 0, waiting);
    await backend.cancel(key, 20_000);
    expect(await untilExited(backend, key)).toMatchObject({ code: 143 });
    const [saved] = await readdir(kept);
    const trees = Number(saved?.slice('trees-'.length));
    expect(trees).toBeGreaterThan(0);

    const next = { ...name, attempt: 2 };
    const { root, log } = await run({ ...jobOf(next), hyperparameters });
    expect(log.join('\n')).toContain(`Going on after ${trees} of 400 trees`);
    const resumed = await verifyManifest(root, jobOf(next));
    const hurtNever = await trainWell({
      hyperparameters: { ...hyperparameters, checkpoint_seconds: 30 },
    });
    expect(resumed.manifest).toEqual(hurtNever.manifest);

    // Trees of other parameters are not grown on.
    const other = await run({ ...jobOf({ ...name, attempt: 3 }), hyperparameters: { trees: 5 } });
    expect(other.log.join('\n')).toContain('is of another training');
    expect(other.code).toBe(0);
  });

  it('reports its progress and its words while it works', async () => {
    const { root, log } = await train();
    const { lines } = await readProgress(join(root, 'output', 'progress.jsonl'), 0);
    const losses = lines.flatMap(({ metrics }) => metrics['train_log_loss'] ?? []);
    expect(losses).toHaveLength(3);
    expect(losses).toEqual(losses.toSorted((a, b) => b - a));
    expect(lines.at(-1)).toMatchObject({ step: 30, total: 30 });
    expect(log.join('\n')).toContain('Tree 30 of 30');
  });

  it.each([
    ['an unknown hyperparameter', { tree: 3 }, 78, "There is no hyperparameter 'tree'. Did you"],
    ['a hyperparameter out of range', { trees: 0 }, 78, "trees is '0'"],
    ['a word where a number belongs', { leaves: 'many' }, 78, "leaves is 'many'"],
    ['an unknown choice', { unseen_categories: 'guess' }, 78, 'other and error'],
  ])('ends at once with %s', async (_, hyperparameters, code, words) => {
    const ended = await train({ hyperparameters });
    expect(ended.code).toBe(code);
    expect(ended.log.join('\n')).toContain(words);
  });

  it.each([
    ['a missing column', rows(50).replace('AS hour', 'AS hours'), 'lacks the columns hour'],
    ['no rows', `${rows(50)} WHERE i < 0`, 'holds no rows'],
    ['only one label', rows(50).replace('> 30', '> 300'), 'nothing to learn'],
    ['a label that is neither', rows(50).replace('::UTINYINT', '::INTEGER * 2'), '0 or 1'],
    ['a missing label', rows(50).replace(/\(\(hash.*UTINYINT/, 'NULL::INTEGER'), '0 or 1'],
    ['words for numbers', rows(50).replace(/AS hour/, "|| 'h' AS hour"), 'which is not a number'],
  ])('refuses rows with %s', async (_, sql, words) => {
    const ended = await train({ channels: { ...channels, train: await keepRows(artifacts, sql) } });
    expect({ code: ended.code, log: ended.log.join('\n') }).toEqual({
      code: 65,
      log: expect.stringContaining(words) as string,
    });
  });

  it('refuses bytes that are not Parquet', async () => {
    const broken = await artifacts.keepBytes('not Parquet', 'channel');
    expect((await train({ channels: { ...channels, train: broken } })).code).toBe(65);
  });

  it('is found by its name only where it is', async () => {
    await expect(findTrainer('tabluar', '/nowhere')).rejects.toMatchObject({
      code: 'TRAINER_NOT_FOUND',
    });
    expect(await findTrainer('../tabular', join(trainer, '..', 'x'))).toBe(trainer);
  });
});

async function ask(modelPath: string, origins: string[]): Promise<number[]> {
  const session = await ort.InferenceSession.create(modelPath, { logSeverityLevel: 4 });
  const numbers = (value: number) =>
    new ort.Tensor('float32', new Float32Array(origins.length).fill(value), [origins.length, 1]);
  const { probability } = await session.run({
    hour: numbers(17),
    distance: numbers(Number.NaN),
    origin: new ort.Tensor('string', origins, [origins.length, 1]),
  });
  expect(probability?.dims).toEqual([origins.length, 1]);
  return Array.from(probability?.data as Float32Array);
}
