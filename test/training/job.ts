import { fileURLToPath } from 'node:url';
import type { TrainingJob } from '../../contracts/training.js';
import type { ArtifactStore } from '../../runtime/artifacts.js';
import { trainingKey } from '../../training/key.js';

export const scriptedTrainer = fileURLToPath(new URL('scripted-trainer', import.meta.url));

/** A job for the scripted trainer, which does what `script` says, word by word. */
export async function scriptedJob(
  artifacts: ArtifactStore,
  script: string,
  { delivery = 1, attempt = 1 } = {},
): Promise<TrainingJob> {
  const rows = await artifacts.keepBytes('rows', 'channel');
  return {
    key: trainingKey({ installation: 'test', model: 'scripted', delivery, attempt }),
    model: 'scripted',
    delivery,
    attempt,
    trainer: scriptedTrainer,
    hyperparameters: { script },
    seed: 7,
    features: [
      { name: 'distance', type: 'number' },
      { name: 'origin', type: 'category' },
    ],
    channels: { train: rows, holdout: rows },
    labels: { spec: 'a-spec' },
  };
}
