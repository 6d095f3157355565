import { PerennialError } from '../../contracts/errors.js';
import { goldenPredictions, type GoldenPredictions } from '../../contracts/evaluation.js';
import type { Feature } from '../../contracts/spec.js';
import type { StagingInput, StagingResult } from '../../contracts/stages.js';
import type { Database } from '../../db/connect.js';
import { loadSpec } from '../../db/model/spec.js';
import { loadVersion } from '../../db/model/version.js';
import { checkGolden } from '../../evaluation/golden.js';
import { openOnnxModel } from '../../evaluation/onnx-model.js';
import type { ArtifactStore } from '../../runtime/artifacts.js';
import type { Log } from '../../runtime/log.js';
import { whileBeating } from '../heartbeat.js';
import type { ComputeActivities } from '../index.js';

/** As the gateway loads it. */
const threads = 1;

export function createStagingActivities({
  db,
  artifacts,
  log,
}: {
  db: Database;
  artifacts: ArtifactStore;
  log: Log;
}): Pick<ComputeActivities, 'checkStaging'> {
  /**
   * Loads a registered version as the gateway would and asks it the golden rows, before any traffic moves. A version that fails is
   * an answer, not an error. Changes nothing, so a second run is harmless.
   */
  async function checkStaging(input: StagingInput): Promise<StagingResult> {
    const version = await loadVersion(db, input.model, input.version);
    // Its own spec, not the delivery's: a roll-back goes to a version with other features.
    const { spec } = await loadSpec(db, version.lineage.specDigest);
    const { features } = spec.data;
    const { tolerance } = spec.release.staging;
    const result = await whileBeating(async () => {
      const golden = goldenPredictions.parse(await artifacts.readJson(version.golden));
      const path = await artifacts.localPath(version.artifact);
      return askGolden({ path, features, golden, tolerance });
    });
    log.info('Staging checked', { model: input.model, version: input.version, ...result });
    return result;
  }

  return { checkStaging };
}

async function askGolden({
  path,
  features,
  golden,
  tolerance,
}: {
  path: string;
  features: Feature[];
  golden: GoldenPredictions;
  tolerance: number;
}): Promise<StagingResult> {
  try {
    const model = await openOnnxModel({ path, threads, features });
    try {
      return await checkGolden(model, golden, tolerance);
    } finally {
      await model.close();
    }
  } catch (error) {
    const refused =
      error instanceof PerennialError &&
      (error.code === 'ONNX_INVALID' || error.code === 'MODEL_FAILED');
    if (!refused) throw error;
    return { ok: false, compared: 0, largestDifference: 0, reason: error.message };
  }
}
