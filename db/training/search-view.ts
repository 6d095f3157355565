import { sql } from 'drizzle-orm';
import { searchView, type SearchView } from '../../contracts/search.js';
import type { Executor } from '../connect.js';
import { readRows } from '../rows.js';
import { findDelivery } from '../delivery/view.js';
import { listTrialEvents, trialsOf } from './trial.js';

/** The search of a delivery with all its trials; with none where it trained once. Throws DELIVERY_NOT_FOUND. */
export async function readSearchView(
  db: Executor,
  model: string,
  delivery: number,
): Promise<SearchView> {
  const { specDigest } = await findDelivery(db, model, delivery);
  const [spec] = await readRows(
    db,
    sql`SELECT content #> '{spec,training,search}' AS search FROM spec WHERE digest = ${specDigest}`,
  );
  const trials = trialsOf(await listTrialEvents(db, { model, delivery }));
  const endedByMoney = await readEndedByMoney(db, model, delivery);
  return searchView.parse({ model, delivery, search: spec?.search ?? null, endedByMoney, trials });
}

/** A trial that only money stopped is told as failed once the search ends with it; while people may still pay, it is not told. */
async function readEndedByMoney(db: Executor, model: string, delivery: number): Promise<boolean> {
  const [row] = await readRows(
    db,
    sql`SELECT EXISTS (
        SELECT 1 FROM trial t JOIN training_run r ON r.model = t.model AND r.delivery = t.delivery AND r.trial = t.number
        WHERE t.model = ${model} AND t.delivery = ${delivery} AND t.event = 'failed'
          AND r.attempt = t.attempts AND r.outcome ->> 'error' = 'BUDGET_EXCEEDED'
      ) AS ended`,
  );
  return row?.ended === true;
}
