import { desc, sql } from 'drizzle-orm';
import { PerennialError } from '../../contracts/errors.js';
import {
  keptPriceBook,
  type KeptPriceBook,
  type PriceBook,
  type PricesSet,
} from '../../contracts/price-book.js';
import { digestOf } from '../../runtime/digest.js';
import { appendAudit } from '../audit.js';
import type { Database, Executor } from '../connect.js';
import { priceBook } from '../schema/money.js';

/** Any number, the same in every process: price books are numbered one after the other. */
const numbering = 7_280_003;

/** The price book that new trainings are counted by; null where there is none. */
export async function newestPriceBook(db: Executor): Promise<KeptPriceBook | null> {
  const [row] = await db.select().from(priceBook).orderBy(desc(priceBook.number)).limit(1);
  if (!row) return null;
  const { currency: _, ...kept } = row;
  return keptPriceBook.parse({ ...kept, setAt: row.setAt.toISOString() });
}

/**
 * Makes a price book the newest. The one that is the newest already changes nothing. Throws CURRENCY_DIFFERS where it counts in
 * another currency than those before it.
 */
export async function setPriceBook(
  db: Database,
  { content, by }: { content: PriceBook; by: string },
): Promise<PricesSet> {
  const digest = digestOf(content);
  return db.transaction(async (tx) => {
    await tx.execute(sql`SELECT pg_advisory_xact_lock(${numbering})`);
    const before = await newestPriceBook(tx);
    if (before?.digest === digest) return { ...before, created: false };
    if (before) requireCurrency(content.currency, before);
    const number = (before?.number ?? 0) + 1;
    const { currency } = content;
    await tx.insert(priceBook).values({ number, digest, currency, content, setBy: by });
    await appendAudit(tx, {
      actor: by,
      action: 'prices.set',
      subject: 'prices',
      detail: { number, digest, before: before?.digest ?? null },
    });
    const kept = await newestPriceBook(tx);
    if (!kept) throw new Error('A price book was written and is not there');
    return { ...kept, created: true };
  });
}

/** Throws CURRENCY_DIFFERS: amounts in two currencies cannot be summed. */
export function requireCurrency(currency: string, { content }: KeptPriceBook): void {
  if (currency === content.currency) return;
  throw new PerennialError(
    'CURRENCY_DIFFERS',
    `The amounts are in ${currency}; the prices here are in ${content.currency}.`,
  );
}
