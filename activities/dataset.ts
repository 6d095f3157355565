import { snapshotManifest, type Snapshot, type Validation } from '../contracts/dataset.js';
import type { DeliveryKey, IngestInput, ValidateInput } from '../contracts/stages.js';
import { parseContract } from '../dataset/contract.js';
import { takeSnapshot } from '../dataset/snapshot.js';
import { validateSnapshot } from '../dataset/validation/validate.js';
import type { Database } from '../db/connect.js';
import { recordSnapshot, recordValidation } from '../db/delivery/dataset.js';
import { loadSpec } from '../db/model/spec.js';
import { duringStage } from '../db/delivery/stage.js';
import type { ArtifactStore } from '../runtime/artifacts.js';
import type { Clock } from '../runtime/clock.js';
import type { Log } from '../runtime/log.js';
import { whileBeating } from './heartbeat.js';

export interface DatasetDependencies {
  db: Database;
  artifacts: ArtifactStore;
  log: Log;
  clock: Clock;
  /** Folder for files on their way into the artifact store; each run uses and removes a folder of its own in it. */
  workFolder: string;
}

export function createDatasetActivities({
  db,
  artifacts,
  log,
  clock,
  workFolder,
}: DatasetDependencies) {
  /**
   * Copies the source's rows in the window into an immutable snapshot. A second run writes the same bytes under the same digest; if the
   * source has grown in between, the later snapshot is the delivery's.
   */
  async function ingestData(input: IngestInput): Promise<Snapshot> {
    const key = keyOf(input);
    return duringStage(db, key, 'ingest', () =>
      whileBeating(async (task) => {
        const { spec, contract, base } = await loadSpec(db, input.specDigest);
        const { snapshot, manifest } = await takeSnapshot({
          data: spec.data,
          contract: parseContract(contract),
          base,
          window: input.window,
          artifacts,
          workFolder,
          ...task,
        });
        const recorded = await recordSnapshot(db, key, { taken: snapshot, manifest });
        const { digest, rows, created } = recorded;
        log.info('Snapshot taken', { ...key, digest, rows, created, rejected: manifest.rejected });
        return recorded;
      }),
    );
  }

  /**
   * Judges the snapshot by its contract, quarantines bad rows and prepares the clean ones. A broken contract is a verdict, not an error. A
   * second run finds the same rows bad and writes the same files; its result replaces the first one's.
   */
  async function validateData(input: ValidateInput): Promise<Validation> {
    const key = keyOf(input);
    return duringStage(db, key, 'validate', () =>
      whileBeating(async (task) => {
        const { spec, contract } = await loadSpec(db, input.specDigest);
        const manifest = snapshotManifest.parse(await artifacts.readJson(input.snapshot.manifest));
        const validation = await validateSnapshot({
          data: spec.data,
          contract: parseContract(contract),
          snapshot: input.snapshot,
          manifest,
          artifacts,
          workFolder,
          now: clock.now(),
          ...task,
        });
        await recordValidation(db, key, validation);
        const { verdict, rows, quarantined } = validation;
        log.info('Contract judged', { ...key, verdict, rows, quarantined });
        return validation;
      }),
    );
  }

  return { ingestData, validateData };
}

function keyOf({ model, delivery }: DeliveryKey): DeliveryKey {
  return { model, delivery };
}
