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
  return searchView.parse({ model, delivery, search: spec?.search ?? null, trials });
}
