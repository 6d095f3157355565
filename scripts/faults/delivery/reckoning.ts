import type { Arena } from '../arena.js';
import { patiently } from '../patience.js';
import type { Fault } from './plan.js';

export interface Reckoned {
  model: string;
  number: number;
}

/** Each counts what must be none for the delivery that is asked about: what is missing counts below nought, what is doubled above. */
const questions: Record<string, string> = {
  versions: 'SELECT count(*) - 1 FROM version JOIN asked USING (model, delivery)',
  votes: 'SELECT count(*) - 1 FROM vote JOIN asked USING (model, delivery)',
  releases: 'SELECT count(*) - 1 FROM release JOIN asked USING (model, delivery)',
  'champions of this version': `
    SELECT count(*) - 1 FROM alias JOIN version USING (model, version) JOIN asked USING (model, delivery)
    WHERE alias.name = 'champion'`,
  'newest routes that give this version everything': `
    SELECT count(*) - 1 FROM (SELECT DISTINCT ON (model) * FROM route ORDER BY model, revision DESC) newest
    JOIN version USING (model) JOIN asked USING (model, delivery)
    WHERE jsonb_array_length(arms) = 1 AND (arms->0->>'version')::int = version AND (arms->0->>'share')::float = 1`,
  'route moves beside one canary step and one promotion': `
    SELECT count(*) - 2 FROM route JOIN asked USING (model) WHERE starts_with(act, format('delivery/%s/', delivery))`,
  'acts told twice in the audit trail': `
    SELECT count(*) FROM (
      SELECT 1 FROM audit_entry JOIN asked ON subject ~ format('^%s(/%s)?( |/|$)', model, delivery)
      WHERE action NOT IN ('retraining.decided', 'spec.applied')
      GROUP BY action, subject, detail - 'revision' HAVING count(*) > 1) doubled`,
  'notices told twice': `
    SELECT count(*) FROM (
      SELECT 1 FROM outbox JOIN asked ON payload->>'model' = model AND (payload->>'delivery')::int = delivery
      GROUP BY type HAVING count(*) > 1) doubled`,
};
/** A trainer that finds no space has failed, and may try again under the next key. */
const trainings = 'SELECT count(*) - 1 FROM training_run JOIN asked USING (model, delivery)';

/** What is doubled, missing or out of place after a delivery, in words with the number found; empty when all is as it should be. */
export async function reckon(
  { database }: Arena,
  { model, number }: Reckoned,
  { kind }: Pick<Fault, 'kind'>,
): Promise<string[]> {
  const asked = { ...questions, ...(kind === 'full' ? {} : { trainings }) };
  const found: string[] = [];
  for (const [what, question] of Object.entries(asked)) {
    const text = `WITH asked AS (SELECT $1::text AS model, $2::int AS delivery), found (n) AS (${question}) SELECT n FROM found`;
    const { rows } = await patiently(() =>
      database.pool.query<{ n: string }>(text, [model, number]),
    );
    const n = Number(rows[0]?.n);
    if (n !== 0) found.push(`${what}: ${n > 0 ? `${n} too many` : `${-n} missing`}`);
  }
  return found;
}
