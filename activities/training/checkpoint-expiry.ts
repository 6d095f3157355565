import { checkpointManifest } from '../../contracts/checkpoint.js';
import { isErrorCode } from '../../contracts/errors.js';
import type { ArtifactRef } from '../../contracts/names.js';
import {
  artifactsNamed,
  expireCheckpoints,
  forgetCheckpoint,
  listExpired,
  listLive,
  type CheckpointRow,
} from '../../db/training/checkpoint-expiry.js';
import type { Database } from '../../db/connect.js';
import { keptAnewAfter, type ArtifactStore } from '../../runtime/artifacts.js';
import type { Clock } from '../../runtime/clock.js';
import type { Log } from '../../runtime/log.js';

/** From the end of a delivery, in milliseconds. Until then people may look into what a failed training left. */
const keepCheckpoints = 7 * 86_400_000;
/** So many a sweep: it has five minutes, and the next one goes on. */
const mostAtOnce = 100;

/** Takes checkpoints away that no training can start from any more. */
export function createCheckpointExpiry({
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
   * Marks what has expired, then removes its objects and at last its rows. Objects that something else names too stay, as do those that
   * were kept anew a moment ago. Answers with how many checkpoints are gone. A second run goes on where the first one stopped: the manifest,
   * which names the files, is removed behind them.
   */
  async function expire(): Promise<number> {
    const now = clock.now().getTime();
    await expireCheckpoints(db, new Date(now - keepCheckpoints));
    const expired = await listExpired(db, mostAtOnce);
    if (expired.length === 0) return 0;
    const named = await digestsInUse();
    const untouchedSince = new Date(now - 2 * keptAnewAfter);
    for (const row of expired) {
      for (const { sha256 } of [...(await filesOf(row.manifest)), row.manifest])
        if (!named.has(sha256)) await artifacts.remove(sha256, untouchedSince);
      await forgetCheckpoint(db, row);
    }
    log.info('Checkpoints have expired and are removed', { total: expired.length });
    return expired.length;
  }

  async function digestsInUse(): Promise<Set<string>> {
    const named = await artifactsNamed(db);
    const live = await listLive(db);
    const manifests = new Map(live.map(({ manifest }) => [manifest.sha256, manifest]));
    for (const manifest of manifests.values()) {
      named.add(manifest.sha256);
      for (const { sha256 } of await filesOf(manifest)) named.add(sha256);
    }
    return named;
  }

  /** None of a manifest that is gone or spoilt: its files cannot be told any more, and nothing can start from it. */
  async function filesOf(manifest: CheckpointRow['manifest']): Promise<ArtifactRef[]> {
    try {
      const parsed = checkpointManifest.safeParse(await artifacts.readJson(manifest));
      return parsed.data?.files.map(({ content }) => content) ?? [];
    } catch (error) {
      const { code } = error as { code?: unknown };
      if (isErrorCode(code) && code.startsWith('ARTIFACT_')) return [];
      throw error;
    }
  }

  return { expire };
}
