import { beforeAll, describe, expect, inject, it } from 'vitest';
import type { TrainingJob } from '../../contracts/training.js';
import { engineAddress } from '../../scripts/engine/own-engine.js';
import { importTrainerImage } from '../../scripts/engine/trainer-image.js';
import type { TrainingBackend } from '../../training/backend.js';
import { createDockerBackend } from '../../training/docker/backend.js';
import { connectEngine } from '../../training/docker/engine.js';
import { trainingKey } from '../../training/key.js';
import { verifyManifest } from '../../training/manifest.js';
import { createProcessBackend } from '../../training/process/backend.js';
import { findTrainer } from '../../training/trainer.js';
import { temporaryArtifacts, temporaryFolder } from '../support/artifacts.js';
import { keepRows } from '../support/parquet.js';
import { trainerPython } from '../support/trainer.js';
import { runToEnd } from './watching.js';

const rows = `
  SELECT i::VARCHAR AS entity, TIMESTAMP '2001-01-01' + INTERVAL (i) MINUTE AS event_time,
    (hash(i * 3) % 24)::FLOAT AS hour, ((hash(i * 3) % 24 + hash(i * 11) % 24) > 25)::UTINYINT AS label
  FROM range(1000) AS t(i)`;

describe("The tabular trainer's image, made without pulling a base", () => {
  const engine = () => connectEngine(engineAddress(inject('engineFolder')));
  let image: string;
  let python: string;

  beforeAll(async () => {
    python = await trainerPython();
    image = await importTrainerImage(engine(), { python });
  });

  it('is made once, found from then on, and runs as an ordinary user', async () => {
    const began = performance.now();
    expect(await importTrainerImage(engine(), { python })).toBe(image);
    expect(performance.now() - began).toBeLessThan(2_000);
    const { Config, Size } = await engine().getImage(image).inspect();
    expect(Config.User).toBe('10001');
    expect(Size).toBeLessThan(600_000_000);
  });

  it('trains the same bytes as a process does', async () => {
    const artifacts = await temporaryArtifacts();
    const channel = await keepRows(artifacts, rows);
    const name = { model: 'delays', delivery: 1, attempt: 1 };
    const job: TrainingJob = {
      ...name,
      key: trainingKey({ installation: 'test', ...name }),
      trainer: await findTrainer('tabular', '/nowhere'),
      hyperparameters: { trees: 20 },
      seed: 3,
      features: [{ name: 'hour', type: 'number' }],
      channels: { train: channel, holdout: channel },
      labels: { spec: 'a-spec' },
      resources: { memory: '1Gi', cpus: 1 },
    };
    const shared = { installation: 'test', artifacts };
    const train = async (backend: TrainingBackend) => {
      const { code, root, log } = await runToEnd(backend, job);
      expect(code, log.join('\n')).toBe(0);
      return (await verifyManifest(root, job)).manifest;
    };
    const jobs = await temporaryFolder();
    const inContainer = await train(
      createDockerBackend({ engine: engine(), jobs, image, ...shared }),
    );
    const asProcess = await train(
      createProcessBackend({ jobs: await temporaryFolder(), python, ...shared }),
    );
    expect(inContainer).toEqual(asProcess);
  });
});
