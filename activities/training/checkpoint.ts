import { join } from 'node:path';
import { PerennialError } from '../../contracts/errors.js';
import type { ArtifactRef } from '../../contracts/names.js';
import type { SuperviseTrainingInput, TrainingAttempt } from '../../contracts/stages.js';
import type { Database } from '../../db/connect.js';
import {
  listCheckpoints,
  markCheckpointCorrupt,
  recordCheckpoint,
} from '../../db/training/checkpoint.js';
import { loadSpec } from '../../db/model/spec.js';
import { listUnpaidBefore } from '../../db/money/unpaid-training.js';
import { digestOf } from '../../runtime/digest.js';
import type { ArtifactStore } from '../../runtime/artifacts.js';
import type { Clock } from '../../runtime/clock.js';
import type { Log } from '../../runtime/log.js';
import { verifyCheckpoint } from '../../training/checkpoint.js';
import { createCheckpointKeeper, type CheckpointKeeper } from '../../training/checkpoint-keeper.js';
import { checkpointsFolder } from '../../training/job-folder.js';

export function createCheckpoints({
  db,
  artifacts,
  log,
  clock,
}: {
  db: Database;
  artifacts: ArtifactStore;
  log: Log;
  clock: Clock;
}) {
  /**
   * The newest checkpoint that is whole, of this attempt or one before, or of the same training that an earlier delivery had no money to end;
   * undefined when there is none. One that is not what its digest says is marked and passed over, so a second run finds the same.
   */
  async function findNewest(input: SuperviseTrainingInput): Promise<ArtifactRef | undefined> {
    const own = await findWhole(input);
    // What another delivery learned was learned by other parameters.
    if (own || input.trial) return own;
    for (const unpaid of await listUnpaidBefore(db, input)) {
      if (unpaid.train !== input.channels.train.sha256) continue;
      if ((await trainedBy(unpaid.specDigest)) !== (await trainedBy(input.specDigest))) continue;
      const inherited = await findWhole(unpaid);
      if (!inherited) continue;
      log.info('Training goes on from another delivery', { key: input.key, from: unpaid.key });
      return inherited;
    }
    return undefined;
  }

  /** Digest of what a spec says about how rows become a model. */
  async function trainedBy(specDigest: string): Promise<string> {
    const { training, data } = (await loadSpec(db, specDigest)).spec;
    const { trainer, parameters, seed, image = null } = training;
    return digestOf([trainer, parameters, seed, image, data.features]);
  }

  async function findWhole(attempt: TrainingAttempt): Promise<ArtifactRef | undefined> {
    for (const listed of await listCheckpoints(db, attempt)) {
      try {
        await verifyCheckpoint(listed.manifest, artifacts);
        return listed.manifest;
      } catch (error) {
        if (!(error instanceof PerennialError) || error.code !== 'CHECKPOINT_CORRUPT') throw error;
        const { key } = attempt;
        log.warn(error.message, { code: error.code, key, checkpoint: listed.name });
        await markCheckpointCorrupt(db, attempt, listed, error.message);
      }
    }
    return undefined;
  }

  /** Keeps the checkpoints of a running attempt; `newest` is what a predecessor kept of it. */
  function keepFrom(
    root: string,
    attempt: TrainingAttempt,
    newest: string | null,
  ): CheckpointKeeper {
    return createCheckpointKeeper({
      folder: join(root, checkpointsFolder),
      artifacts,
      clock,
      newest,
      record: (kept) => recordCheckpoint(db, attempt, kept),
      onTrouble: (error) =>
        log.warn('A checkpoint could not be kept; it is tried again', {
          key: attempt.key,
          error: String(error),
        }),
    });
  }

  return { findNewest, keepFrom };
}
