import { sql } from 'drizzle-orm';
import { deliveryOutcome } from '../../contracts/delivery.js';
import type { Executor } from '../connect.js';
import { waitingForMoney } from '../money/money-wait.js';

/** One number about the loop: which it is, about what, how much. Names are those of api/metrics.ts without `perennial_`. */
export interface Measure extends Record<string, unknown> {
  name: string;
  labels: Record<string, string>;
  value: number;
}

const outcomes = sql.join(
  deliveryOutcome.options.map((each) => sql`(${each}::text)`),
  sql`, `,
);

/** What stands in the database and is worth an alarm, read in one round trip. Ages and times left are seconds. */
export async function readMeasures(db: Executor): Promise<Measure[]> {
  const { rows } = await db.execute<Measure>(sql`
    WITH served AS (
      SELECT m.name AS model, a.version, a.updated_at, s.content #>> '{spec,monitoring,every}' AS every
      FROM model m
      JOIN alias a ON a.model = m.name AND a.name = 'champion'
      JOIN spec s ON s.digest = m.current_spec
      WHERE m.retired_at IS NULL
    ), last_check AS (
      SELECT DISTINCT ON (model) model, at, report FROM drift_report ORDER BY model, check_number DESC
    ), spent AS (
      SELECT coalesce(s.team, m.team) AS team, m.name AS model, p.currency, coalesce(sum(s.amount), 0)::float8 AS amount,
        coalesce(sum(s.millijoules), 0)::float8 AS millijoules, coalesce(sum(s.micrograms), 0)::float8 AS micrograms
      FROM model m CROSS JOIN (SELECT DISTINCT currency FROM price_book) p LEFT JOIN spend s ON s.model = m.name
      GROUP BY 1, 2, 3
    ), served_for AS (
      SELECT m.team, u.model, jsonb_build_object('team', m.team, 'model', u.model, 'version', u.version::text) AS labels, p.currency,
        sum(u.amount)::float8 AS amount, sum(u.millijoules)::float8 AS millijoules, sum(u.micrograms)::float8 AS micrograms,
        sum(u.predictions)::float8 AS predictions
      FROM serving_usage u JOIN model m ON m.name = u.model JOIN price_book p ON p.number = u.price_book
      GROUP BY m.team, u.model, u.version, p.currency
    )
    SELECT 'delivery_age_seconds' AS name, jsonb_build_object('model', model, 'stage', stage) AS labels,
      extract(epoch FROM now() - opened_at)::float8 AS value
    FROM delivery WHERE outcome IS NULL
    UNION ALL
    -- With its zeros: an increase is seen only from a number to a larger one.
    SELECT 'deliveries_closed_total', jsonb_build_object('model', m.name, 'outcome', o.outcome), count(d.number)::float8
    FROM model m CROSS JOIN (VALUES ${outcomes}) AS o (outcome)
    LEFT JOIN delivery d ON d.model = m.name AND d.outcome = o.outcome GROUP BY m.name, o.outcome
    UNION ALL
    SELECT 'approval_waiting_seconds', jsonb_build_object('model', model), extract(epoch FROM now() - opened_at)::float8
    FROM approval WHERE standing = 'open'
    UNION ALL
    SELECT 'approval_remaining_seconds', jsonb_build_object('model', model), extract(epoch FROM expires_at - now())::float8
    FROM approval WHERE standing = 'open'
    UNION ALL
    SELECT 'money_waiting_seconds', jsonb_build_object('model', r.model), max(extract(epoch FROM now() - w.since))::float8
    FROM ${waitingForMoney} GROUP BY r.model
    UNION ALL
    SELECT 'release_age_seconds', jsonb_build_object('model', model, 'status', status), max(extract(epoch FROM now() - started_at))::float8
    FROM release WHERE ended_at IS NULL GROUP BY model, status
    UNION ALL
    SELECT 'champion_version', jsonb_build_object('model', model), version::float8 FROM served
    UNION ALL
    SELECT 'champion_age_seconds', jsonb_build_object('model', model), extract(epoch FROM now() - updated_at)::float8 FROM served
    UNION ALL
    SELECT 'monitor_check_age_seconds', jsonb_build_object('model', model),
      extract(epoch FROM now() - greatest(coalesce(l.at, s.updated_at), s.updated_at))::float8
    FROM served s LEFT JOIN last_check l USING (model)
    UNION ALL
    SELECT 'monitor_interval_seconds', jsonb_build_object('model', model),
      (regexp_match(every, '^[0-9.]+'))[1]::float8
        * CASE (regexp_match(every, '[a-z]+$'))[1] WHEN 'ms' THEN 0.001 WHEN 's' THEN 1 WHEN 'm' THEN 60 WHEN 'h' THEN 3600 ELSE 86400 END
    FROM served WHERE every IS NOT NULL
    UNION ALL
    SELECT 'drift_score', jsonb_build_object('model', model), (report ->> 'score')::float8
    FROM served JOIN last_check USING (model)
    UNION ALL
    SELECT 'drift_severity', jsonb_build_object('model', model),
      (array_position(ARRAY['none', 'minor', 'moderate', 'major'], report ->> 'severity') - 1)::float8
    FROM served JOIN last_check USING (model)
    UNION ALL
    SELECT amounts.* FROM spent CROSS JOIN LATERAL (VALUES
      ('training_cost_total', jsonb_build_object('team', team, 'model', model, 'currency', currency), amount / 1e6),
      ('training_energy_kwh_total', jsonb_build_object('team', team, 'model', model), millijoules / 3.6e9),
      ('training_carbon_grams_total', jsonb_build_object('team', team, 'model', model), micrograms / 1e6)) AS amounts
    UNION ALL
    SELECT amounts.* FROM served_for CROSS JOIN LATERAL (VALUES
      ('serving_cost_total', labels || jsonb_build_object('currency', currency), amount / 1e6),
      ('serving_energy_kwh_total', labels, millijoules / 3.6e9),
      ('serving_carbon_grams_total', labels, micrograms / 1e6),
      ('serving_predictions_total', labels, predictions)) AS amounts
    UNION ALL
    SELECT 'budget_spent_ratio', jsonb_build_object('scope', scope, 'name', name),
      budget_spent(budget) / greatest(coalesce(hard, soft), 1)::float8
    FROM budget WHERE scope <> 'delivery'
    UNION ALL
    SELECT 'outbox_waiting_events', '{}', count(*)::float8 FROM outbox WHERE sent_at IS NULL
    UNION ALL
    SELECT 'outbox_failing_seconds', '{}', coalesce(max(extract(epoch FROM now() - created_at)), 0)::float8
    FROM outbox WHERE sent_at IS NULL AND attempts > 0`);
  return rows;
}
