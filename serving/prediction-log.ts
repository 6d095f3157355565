import { createReadStream } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import type { Database } from '../db/connect.js';
import { MarkMovedError, loadMark, storePredictions } from '../db/serving/prediction.js';
import { encodeAnswers, type AnsweredRow } from '../db/serving/prediction-tuple.js';
import type { Log } from '../runtime/log.js';
import type { Journal, Segment } from './journal.js';
import type { GatewayMetrics } from './metrics.js';
import type { WindowCounters } from './window-counters.js';

export interface PredictionLog {
  /** Writes rows down: call it before their answers go out. Rows that cannot be kept are counted as dropped. */
  record(rows: readonly AnsweredRow[]): void;
  /** Moves what is left into the database; what cannot be moved waits in the journal for the next start. */
  close(): Promise<void>;
}

/** What the log belongs to. */
export interface PredictionLogDeps {
  db: Database;
  pool: pg.Pool;
  log: Log;
  metrics: GatewayMetrics;
  gateway: string;
  epoch: number;
  journal: Journal;
  counters: WindowCounters;
  flushEvery: number;
}

const longestWait = 2_000;

/**
 * The way of a prediction: journal, then at the next flush the database. A flush moves whole files of the journal, the mark and
 * the window counts of the same moment in one transaction, so the three never disagree.
 */
export function startPredictionLog(deps: PredictionLogDeps): PredictionLog {
  const { gateway, epoch, journal, metrics, log } = deps;
  const stopping = new AbortController();
  let sequence = 0;
  let storedTo = 0;
  let failures = 0;

  const flush = async (): Promise<void> => {
    if (sequence === storedTo) return;
    const segments = journal.seal();
    const windowCounts = deps.counters.takeChanged();
    const mark = { gateway, epoch, sequence, dropped: journal.dropped };
    try {
      await storePredictions(deps.pool, {
        tuples: readSegments(segments),
        mark,
        expected: storedTo,
        windowCounts,
      });
      advance(mark.sequence, segments);
    } catch (error) {
      deps.counters.giveBack(windowCounts);
      if (!(error instanceof MarkMovedError)) throw error;
      // The commit before this one did arrive; only its answer was lost.
      advance((await loadMark(deps.db, mark)).sequence, segments);
    }
  };

  const advance = (to: number, segments: readonly Segment[]): void => {
    metrics.stored.inc(
      segments.filter(({ last }) => last <= to).reduce((sum, { rows }) => sum + rows, 0),
    );
    storedTo = to;
    journal.forget(to);
    metrics.journalBytes.set(journal.bytes);
  };

  const tryFlush = async (): Promise<void> => {
    try {
      await flush();
      if (failures > 0) log.info('The prediction log reaches the database again', { gateway });
      failures = 0;
    } catch (error) {
      failures += 1;
      if (failures === 1)
        log.warn(
          'The prediction log cannot reach the database; the journal keeps what is answered',
          {
            gateway,
            error: error instanceof Error ? error.message : String(error),
          },
        );
    }
  };

  const flushing = (async () => {
    while (!stopping.signal.aborted) {
      const wait = Math.min(deps.flushEvery * 2 ** Math.min(failures, 6), longestWait);
      await sleep(wait, undefined, { signal: stopping.signal }).catch(() => {});
      if (!stopping.signal.aborted) await tryFlush();
    }
  })();

  return {
    record(rows) {
      const tuples = encodeAnswers(rows, { gateway, epoch, sequence });
      sequence += rows.length;
      if (journal.append(tuples, sequence, rows.length)) {
        metrics.journalBytes.set(journal.bytes);
        return;
      }
      if (journal.dropped === 0)
        log.error('The journal takes no more; rows are answered and counted as dropped', {
          gateway,
        });
      journal.countDropped(rows.length);
      metrics.dropped.inc(rows.length);
    },
    async close() {
      stopping.abort();
      await flushing;
      await tryFlush();
      journal.close();
    },
  };
}

async function* readSegments(segments: readonly Segment[]): AsyncIterable<Buffer> {
  for (const { path } of segments) {
    for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 }))
      yield chunk as Buffer;
  }
}
