import type { RegisteredSpec } from '../../contracts/spec.js';
import type { SuperviseTrainingInput } from '../../contracts/stages.js';
import type { TrainingJob } from '../../contracts/training.js';
import { findTrainer } from '../../training/trainer.js';

/** What an attempt asks a backend to run: its spec, its data, and where its trainer lies. */
export async function describeJob(
  { key, model, delivery, trial, attempt, specDigest, channels }: SuperviseTrainingInput,
  { spec, base }: RegisteredSpec,
): Promise<TrainingJob> {
  const { image, resources, replicas } = spec.training;
  return {
    key,
    model,
    delivery,
    attempt,
    ...(image !== undefined && { image }),
    ...(resources !== undefined && { resources }),
    ...(replicas !== undefined && { replicas }),
    trainer: await findTrainer(spec.training.trainer, base),
    hyperparameters: { ...spec.training.parameters, ...trial?.parameters },
    seed: spec.training.seed,
    features: spec.data.features.map(({ name, type }) => ({ name, type })),
    channels,
    labels: {
      spec: specDigest,
      model,
      delivery: String(delivery),
      ...(trial && { trial: String(trial.number) }),
      attempt: String(attempt),
    },
  };
}
