import type { OpenAttemptInput, TrainingAttempt } from '../../contracts/stages.js';
import type { Database } from '../../db/connect.js';
import { loadSpec } from '../../db/model/spec.js';
import { recordPlacement } from '../../db/gpu/placement.js';
import { openTrainingRun, recordedOutcome, recordOutcome } from '../../db/training/training.js';
import { keyOfPreviousAttempt, trainingKey } from '../../training/key.js';
import { gpusAskedBy } from './gpu-lease.js';
import { reckonEvery } from './meter.js';
import { createReservations } from './money.js';
import { graceMs } from './supervise.js';

export function createTrainingAttempts({
  db,
  backendName,
  installation,
}: {
  db: Database;
  backendName: string;
  installation: string;
}) {
  const { reserve, askForMoney } = createReservations({ db, ahead: reckonEvery + graceMs });

  /**
   * Gives an attempt its row, its job's name, its place among those who wait for GPUs and the money for it. Without the money the attempt
   * is over before it began: its outcome says so, and supervision finds it. A second run computes the same name and finds what is there.
   */
  async function openTrainingAttempt({
    model,
    delivery,
    trial,
    attempt,
    specDigest,
  }: OpenAttemptInput): Promise<TrainingAttempt> {
    const key = trainingKey({ installation, model, delivery, trial: trial?.number, attempt });
    const opened = { model, delivery, attempt, key };
    await openTrainingRun(db, { ...opened, trial }, backendName);
    if (await recordedOutcome(db, key)) return opened;
    const registered = await loadSpec(db, specDigest);
    const gpus = gpusAskedBy(registered.spec);
    if (gpus) await recordPlacement(db, { key, before: keyOfPreviousAttempt(key) }, gpus);
    const reason = await reserve(opened, registered);
    if (reason !== null)
      await recordOutcome(db, opened, {
        kind: 'failed',
        error: 'BUDGET_EXCEEDED',
        code: 75,
        reason,
      });
    return opened;
  }
  return { openTrainingAttempt, askForMoney };
}
