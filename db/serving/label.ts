import type { LabelsRequest } from '../../contracts/serving.js';
import type { Executor } from '../connect.js';
import { label } from '../schema/label.js';

/** Stores truths by prediction id. The first truth about an id stands: a second one is counted as a duplicate and changes nothing. */
export async function storeLabels(
  db: Executor,
  model: string,
  { labels }: LabelsRequest,
): Promise<{ stored: number; duplicates: number }> {
  const rows = labels.map((each) => ({
    model,
    id: each.id,
    label: each.label,
    eventTime: each.eventTime === undefined ? null : new Date(each.eventTime),
  }));
  const stored = await db
    .insert(label)
    .values(rows)
    .onConflictDoNothing()
    .returning({ id: label.id });
  return { stored: stored.length, duplicates: rows.length - stored.length };
}
