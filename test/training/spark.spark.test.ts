import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import ort from 'onnxruntime-node';
import { beforeAll, describe, expect, it } from 'vitest';
import type { TrainingJob } from '../../contracts/training.js';
import type { ArtifactStore } from '../../runtime/artifacts.js';
import type { TrainingBackend } from '../../training/backend.js';
import { trainingKey } from '../../training/key.js';
import { verifyManifest } from '../../training/manifest.js';
import { createProcessBackend } from '../../training/process/backend.js';
import { readProgress } from '../../training/progress.js';
import { findTrainer } from '../../training/trainer.js';
import { temporaryArtifacts, temporaryFolder } from '../support/artifacts.js';
import { keepRows } from '../support/parquet.js';
import { runToEnd } from './watching.js';

interface Answer {
  hour: number;
  'flight.distance': number | null;
  origin: string;
  probability: number;
}

/** Delays that grow with the hour, more so at some airports; a few distances and origins are missing. */
const rows = (count: number, from: number) => `
  SELECT i::VARCHAR AS entity, TIMESTAMP '2001-01-01' + INTERVAL (i) MINUTE AS event_time,
    (hash(i * 3) % 24)::FLOAT AS hour,
    CASE WHEN i % 40 = 0 THEN NULL ELSE (100 + hash(i * 5) % 2000)::FLOAT END AS "flight.distance",
    CASE WHEN i % 50 = 1 THEN NULL ELSE 'A' || (sqrt(hash(i * 7) % 900))::INTEGER END AS origin,
    ((hash(i * 3) % 24 + hash(i * 11) % 24) + hash(i * 7) % 9 > 30)::UTINYINT AS label
  FROM range(${from}, ${from + count}) AS t(i)`;

// With Java and pyspark: ./scripts/try-spark.
describe('The Spark trainer', () => {
  let backend: TrainingBackend;
  let artifacts: ArtifactStore;
  let channels: TrainingJob['channels'];
  let delivery = 0;

  const train = async (change: Partial<TrainingJob> = {}) => {
    const name = { model: 'delays', delivery: ++delivery, attempt: 1 };
    const job: TrainingJob = {
      ...name,
      key: trainingKey({ installation: 'test', ...name }),
      trainer: await findTrainer('spark', '/nowhere'),
      hyperparameters: { trees: 10, depth: 4 },
      seed: 3,
      features: [
        { name: 'hour', type: 'number' },
        { name: 'flight.distance', type: 'number' },
        { name: 'origin', type: 'category' },
      ],
      channels,
      labels: {},
      ...change,
    };
    return runToEnd(backend, job);
  };

  beforeAll(async () => {
    const python = process.env['TRY_SPARK_PYTHON'];
    if (!python) throw new Error('TRY_SPARK_PYTHON is not set: run ./scripts/try-spark');
    artifacts = await temporaryArtifacts();
    const jobs = await temporaryFolder();
    backend = createProcessBackend({ jobs, python, installation: 'test', artifacts });
    channels = {
      train: await keepRows(artifacts, rows(4_000, 0)),
      holdout: await keepRows(artifacts, rows(500, 4_000)),
    };
  });

  it('hands over a model that answers in the runtime that serves as it does in Spark', async () => {
    const { job, code, root, log } = await train();
    expect(code, log.join('\n')).toBe(0);
    const { manifest, modelPath } = await verifyManifest(root, job);
    expect(manifest.framework).toHaveProperty('pyspark');
    expect(manifest.metrics['holdout_log_loss']).toBeLessThan(0.6);
    expect(manifest.metrics['onnx_largest_difference']).toBeLessThan(1e-5);

    const file = await readFile(join(root, 'model', 'answers.json'), 'utf8');
    const answers = JSON.parse(file) as Answer[];
    expect(answers).toHaveLength(100);
    const numbers = (name: 'hour' | 'flight.distance') =>
      Float32Array.from(answers, (answer) => answer[name] ?? Number.NaN);
    const shape = [answers.length, 1];
    const session = await ort.InferenceSession.create(modelPath);
    const { probability } = await session.run({
      hour: new ort.Tensor('float32', numbers('hour'), shape),
      'flight.distance': new ort.Tensor('float32', numbers('flight.distance'), shape),
      origin: new ort.Tensor(
        'string',
        answers.map(({ origin }) => origin),
        shape,
      ),
    });
    const served = probability?.data as Float32Array;
    for (const [index, answer] of answers.entries())
      expect(Math.abs((served[index] ?? 0) - answer.probability)).toBeLessThan(1e-5);
    expect(answers.some((answer) => answer['flight.distance'] === null)).toBe(true);
    expect(answers.some(({ origin }) => origin === '')).toBe(true);

    // While Spark worked it was seen to move.
    const { lines } = await readProgress(join(root, 'output', 'progress.jsonl'), 0);
    const steps = lines.map(({ step }) => step);
    expect(new Set(steps).size).toBeGreaterThan(2);
    expect(steps).toEqual(steps.toSorted((one, other) => one - other));
  });

  it('refuses what it cannot use, in a sentence', async () => {
    const odd = await train({ hyperparameters: { tree: 3 } });
    expect(odd.code).toBe(78);
    const lacking = await train({ features: [{ name: 'weather', type: 'number' }] });
    expect(lacking.code).toBe(65);
    expect(await readFile(join(lacking.root, 'output', 'failure'), 'utf8')).toBe(
      'Channel train lacks the columns weather.\n',
    );
  });
});
