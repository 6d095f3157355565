import { readFile, unlink } from 'node:fs/promises';
import type pg from 'pg';
import type { Database } from '../db/connect.js';
import { loadMark, storePredictions } from '../db/serving/prediction.js';
import { decodePredictions } from '../db/serving/prediction-tuple.js';
import type { Log } from '../runtime/log.js';
import type { GatewayHome } from './gateway-home.js';
import { findLeftovers, forgetDropped } from './journal.js';
import type { GatewayMetrics } from './metrics.js';
import type { FindArm } from './replayed-arm.js';
import type { WindowCounters } from './window-counters.js';

/**
 * Moves into the database what earlier runs in this place answered and did not get there. Marks stand at the ends of files, so a
 * file is either stored or not. What is replayed is counted as ours, in the transaction that stores it.
 */
export async function replayJournals({
  db,
  pool,
  log,
  metrics,
  home: { gateway, epoch, folder },
  counters,
  findArm,
}: {
  db: Database;
  pool: pg.Pool;
  log: Log;
  metrics: GatewayMetrics;
  home: GatewayHome;
  counters: WindowCounters;
  findArm: FindArm;
}): Promise<void> {
  for (const leftover of findLeftovers(folder, epoch)) {
    const mark = await loadMark(db, { gateway, epoch: leftover.epoch });
    const dropped = Math.max(mark.dropped, leftover.dropped);
    let expected = mark.sequence;
    let replayed = 0;
    const store = async (sequence: number, tuples: Buffer): Promise<void> => {
      await storePredictions(pool, {
        tuples: once(tuples),
        mark: { gateway, epoch: leftover.epoch, sequence, dropped },
        expected,
        windowCounts: counters.takeChanged(),
      });
      expected = sequence;
    };
    for (const path of leftover.paths) {
      const bytes = await readFile(path);
      const { rows, end } = decodePredictions(bytes);
      const last = rows.at(-1)?.sequence ?? 0;
      if (last > expected) {
        for (const row of rows) {
          const arm = await findArm(row);
          if (arm) counters.count(arm, { ...row, values: row.inputs });
        }
        await store(last, bytes.subarray(0, end));
        replayed += rows.length;
      }
      await unlink(path);
    }
    if (leftover.dropped > mark.dropped && replayed === 0) await store(expected, Buffer.alloc(0));
    forgetDropped(folder, leftover.epoch);
    metrics.replayed.inc(replayed);
    log.info('Journal of an earlier run replayed', {
      gateway,
      epoch: leftover.epoch,
      rows: replayed,
      dropped,
    });
  }
}

async function* once(tuples: Buffer): AsyncIterable<Buffer> {
  if (tuples.length > 0) yield tuples;
}
