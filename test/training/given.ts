import type { Resources } from '../../contracts/resources.js';
import type { SuperviseTrainingInput } from '../../contracts/stages.js';
import type { Database } from '../../db/connect.js';
import type { ArtifactStore } from '../../runtime/artifacts.js';
import { trainingKey } from '../../training/key.js';
import { giveDelivery, giveSpec } from '../support/given-model.js';
import { givenSpec } from '../support/given-spec.js';
import { scriptedTrainer } from './job.js';

export const installation = 'test';

/** A running delivery of a model that the scripted trainer trains, and its first attempt. */
export async function givenTraining(
  { db, artifacts }: { db: Database; artifacts: ArtifactStore },
  script: string,
  training: {
    timeout?: string;
    heartbeat?: string;
    progressEvery?: string;
    trainer?: string;
    resources?: Resources;
    replicas?: number;
    priority?: number;
  } = {},
): Promise<SuperviseTrainingInput> {
  const model = `scripted-${crypto.randomUUID().slice(0, 8)}`;
  const spec = givenSpec(model, {
    training: { trainer: scriptedTrainer, parameters: { script }, seed: 7, ...training },
  });
  const specDigest = await giveSpec(db, spec);
  await giveDelivery(db, { model, specDigest });
  const rows = await artifacts.keepBytes('rows', 'channel');
  return {
    model,
    delivery: 1,
    attempt: 1,
    key: trainingKey({ installation, model, delivery: 1, attempt: 1 }),
    specDigest,
    channels: { train: rows, holdout: rows },
  };
}
