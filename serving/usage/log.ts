import { readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { KeptPriceBook } from '../../contracts/price-book.js';
import type { Database } from '../../db/connect.js';
import { newestPriceBook } from '../../db/money/price-book.js';
import { storeServingUsage, type ServingUsageRow } from '../../db/serving/usage.js';
import type { Clock } from '../../runtime/clock.js';
import type { Log } from '../../runtime/log.js';
import type { GatewayHome } from '../gateway-home.js';
import type { LoadedModel } from '../model-cache.js';
import { createUsageAccount } from './account.js';
import type { UsageMeter } from './meter.js';

const ending = '.usage';

const keptRows = z.array(
  z.strictObject({
    model: z.string(),
    version: z.int(),
    month: z.iso.date(),
    priceBook: z.int(),
    gateway: z.string(),
    epoch: z.int(),
    predictions: z.int(),
    processorMicros: z.int(),
    mebibyteMillis: z.int(),
    amount: z.int(),
    millijoules: z.int(),
    micrograms: z.int(),
  }),
);

export interface UsageLog {
  /** Reckons once more; what the database does not take waits in a file for the next start. */
  close(): Promise<void>;
}

/**
 * Reckons every so often what was used, by the price book in force, and moves the sums so far into the database. While that is away they
 * wait in a file beside the journal. So a kill loses what was used since the last reckoning, and nothing is counted twice.
 */
export function startUsageLog({
  db,
  log,
  clock,
  home: { gateway, epoch, folder },
  meter,
  ready,
  every,
}: {
  db: Database;
  log: Log;
  clock: Clock;
  home: GatewayHome;
  meter: UsageMeter;
  /** Versions that a route keeps ready. */
  ready: () => Iterable<LoadedModel>;
  /** Milliseconds between two reckonings. */
  every: number;
}): UsageLog {
  const account = createUsageAccount({ gateway, epoch });
  const path = join(folder, `${epoch}${ending}`);
  const stopping = new AbortController();
  /** The price book as last read; undefined while none could be. */
  let prices: KeptPriceBook | null | undefined;
  let failing = false;

  const reckon = async (): Promise<void> => {
    const read = await newestPriceBook(db).catch(() => prices);
    if (read === undefined) return;
    prices = read;
    account.add(meter.take(ready()), prices, clock.now());
    const rows = account.changed();
    try {
      await storeServingUsage(db, rows);
      account.stored();
      if (failing) rmSync(path, { force: true });
      failing = false;
    } catch (error) {
      keepRows(path, rows);
      if (!failing)
        log.warn('What serving used cannot be stored; it waits in a file', { gateway, error });
      failing = true;
    }
  };
  const tryReckon = () =>
    reckon().catch((error: unknown) => log.error('What serving used is not counted', { error }));

  const reckoning = (async () => {
    while (!stopping.signal.aborted) {
      await sleep(every, undefined, { signal: stopping.signal }).catch(() => {});
      if (!stopping.signal.aborted) await tryReckon();
    }
  })();

  return {
    async close() {
      stopping.abort();
      await reckoning;
      await tryReckon();
    },
  };
}

/**
 * Stores what earlier runs in this place used and could not store; what cannot be stored now waits for the next start. A second run finds
 * the same numbers in the database, or no file.
 */
export async function storeLeftUsage({
  db,
  log,
  home: { gateway, folder },
}: {
  db: Database;
  log: Log;
  home: GatewayHome;
}): Promise<void> {
  for (const name of readdirSync(folder).filter((each) => each.endsWith(ending))) {
    const path = join(folder, name);
    try {
      await storeServingUsage(db, keptRows.parse(JSON.parse(readFileSync(path, 'utf8'))));
      rmSync(path);
    } catch (error) {
      log.warn('What an earlier run used for serving still cannot be stored', { gateway, error });
    }
  }
}

/** The old file whole or the new one. */
function keepRows(path: string, rows: readonly ServingUsageRow[]): void {
  writeFileSync(`${path}.new`, JSON.stringify(rows));
  renameSync(`${path}.new`, path);
}
