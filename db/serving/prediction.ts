import type { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { and, eq, sql } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/node-postgres';
import type pg from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import type { Executor } from '../connect.js';
import { copyHeader, copyPredictions, copyTrailer } from './prediction-tuple.js';
import { gatewayMark } from '../schema/prediction.js';
import { storeWindowCounts, type WindowCountRow } from './window-count.js';

/** What of a gateway's journal is stored: everything of `epoch` up to `sequence`. */
export interface GatewayMark {
  gateway: string;
  epoch: number;
  sequence: number;
  /** Answered rows that were never written to the journal. */
  dropped: number;
}

/** Somebody else, or we ourselves in a commit whose answer was lost, moved the mark. Read it again before going on. */
export class MarkMovedError extends Error {
  override readonly name = 'MarkMovedError';
}

export async function loadMark(
  db: Executor,
  { gateway, epoch }: Pick<GatewayMark, 'gateway' | 'epoch'>,
): Promise<GatewayMark> {
  const [row] = await db
    .select()
    .from(gatewayMark)
    .where(and(eq(gatewayMark.gateway, gateway), eq(gatewayMark.epoch, epoch)));
  return { gateway, epoch, sequence: row?.sequence ?? 0, dropped: row?.dropped ?? 0 };
}

/**
 * Moves a stretch of a journal into the database: its rows, the mark and the window counts in one transaction. The mark must
 * still be at `expected`, so a stretch is stored once however often it is tried; throws MarkMovedError otherwise.
 */
export async function storePredictions(
  pool: pg.Pool,
  {
    tuples,
    mark,
    expected,
    windowCounts,
  }: {
    tuples: AsyncIterable<Buffer>;
    mark: GatewayMark;
    expected: number;
    windowCounts: readonly WindowCountRow[];
  },
): Promise<void> {
  const client = await pool.connect();
  let broken: Error | undefined;
  // A connection lost between two statements says so by an event, which without a listener ends the process.
  const lose = (error: Error): void => {
    broken = error;
  };
  client.on('error', lose);
  try {
    await client.query('BEGIN');
    await moveMark(drizzle(client), mark, expected);
    const copy: Writable = client.query(copyFrom(copyPredictions));
    await pipeline(asCopy(tuples), copy);
    await storeWindowCounts(drizzle(client), windowCounts);
    await client.query('COMMIT');
  } catch (error) {
    // A rollback that fails means a lost connection: the pool must not hand it out again.
    await client.query('ROLLBACK').catch(lose);
    throw error;
  } finally {
    client.off('error', lose);
    client.release(broken);
  }
}

async function* asCopy(tuples: AsyncIterable<Buffer>): AsyncIterable<Buffer> {
  yield copyHeader;
  yield* tuples;
  yield copyTrailer;
}

/** First in the transaction: two flushers of one journal wait for each other here, and the second one finds the mark moved. */
async function moveMark(db: Executor, mark: GatewayMark, expected: number): Promise<void> {
  const moved = await db
    .insert(gatewayMark)
    .values(mark)
    .onConflictDoUpdate({
      target: [gatewayMark.gateway, gatewayMark.epoch],
      set: {
        sequence: mark.sequence,
        dropped: sql`greatest(${gatewayMark.dropped}, ${mark.dropped})`,
        updatedAt: sql`now()`,
      },
      setWhere: eq(gatewayMark.sequence, expected),
    })
    .returning({ sequence: gatewayMark.sequence });
  if (moved.length === 0)
    throw new MarkMovedError(`Mark of ${mark.gateway}/${mark.epoch} is no longer at ${expected}.`);
}
