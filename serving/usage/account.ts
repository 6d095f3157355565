import type { KeptPriceBook } from '../../contracts/price-book.js';
import type { ServingUsageRow } from '../../db/serving/usage.js';
import {
  addUse,
  nothingOwed,
  servingRateOf,
  totalOf,
  type ServingBill,
} from '../../governance/serving-price.js';
import type { VersionUse } from './meter.js';

interface Account {
  row: Omit<ServingUsageRow, keyof ReturnType<typeof totalOf>>;
  bill: ServingBill;
}

/** What this run of the gateway used so far, by version, month and price book, and what that came to. */
export interface UsageAccount {
  /** Adds use by the price book in force; null is none, and then nothing is counted. */
  add(uses: readonly VersionUse[], prices: KeptPriceBook | null, at: Date): void;
  /** What the database does not have yet: absolute numbers. */
  changed(): ServingUsageRow[];
  /** The database has what `changed` gave last. */
  stored(): void;
}

export function createUsageAccount(run: { gateway: string; epoch: number }): UsageAccount {
  const accounts = new Map<string, Account>();
  const unstored = new Set<string>();

  return {
    add(uses, prices, at) {
      if (prices === null) return;
      const rate = servingRateOf(prices.content);
      const month = `${at.toISOString().slice(0, 7)}-01`;
      for (const { model, version, ...use } of uses) {
        const key = `${model}/${version}/${month}/${prices.number}`;
        const { row, bill } = accounts.get(key) ?? {
          row: {
            ...run,
            model,
            version,
            month,
            priceBook: prices.number,
            predictions: 0,
            processorMicros: 0,
            mebibyteMillis: 0,
          },
          bill: nothingOwed,
        };
        const sum = {
          predictions: row.predictions + use.predictions,
          processorMicros: row.processorMicros + use.processorMicros,
          mebibyteMillis: row.mebibyteMillis + use.mebibyteMillis,
        };
        accounts.set(key, { row: { ...row, ...sum }, bill: addUse(bill, rate, use, at) });
        unstored.add(key);
      }
    },
    changed: () =>
      [...unstored].flatMap((key) => {
        const account = accounts.get(key);
        return account ? [{ ...account.row, ...totalOf(account.bill) }] : [];
      }),
    stored: () => unstored.clear(),
  };
}
