import { sql, type SQL } from 'drizzle-orm';
import type { AuditView } from '../contracts/overview.js';
import type { Executor } from './connect.js';
import { instantOf, readRows } from './rows.js';

/** Which entries are asked for; what is left out does not narrow. */
export interface AuditQuery {
  after: number;
  /** Exactly this, and what is below it. */
  subject?: string | undefined;
  model?: string | undefined;
  /** Number of one delivery of the model. */
  delivery?: number | undefined;
  actor?: string | undefined;
  /** Instant of the oldest. */
  from?: string | undefined;
  limit: number;
}

/** Entries of the audit chain after a sequence number, in order. */
export async function listAudit(db: Executor, query: AuditQuery): Promise<AuditView[]> {
  const { after, subject, model, delivery, actor, from, limit } = query;
  const wanted = [
    sql`sequence > ${after}`,
    ...(subject === undefined ? [] : [below(subject)]),
    ...(model === undefined ? [] : [ofModel(model, delivery)]),
    ...(actor === undefined ? [] : [sql`actor = ${actor}`]),
    ...(from === undefined ? [] : [sql`at >= ${from}::timestamptz`]),
  ];
  const rows = await readRows(
    db,
    sql`SELECT * FROM audit_entry WHERE ${sql.join(wanted, sql` AND `)} ORDER BY sequence LIMIT ${limit}`,
  );
  return rows.map((row) => ({
    sequence: Number(row.sequence),
    at: instantOf(row.at) ?? '',
    actor: String(row.actor),
    action: String(row.action),
    subject: String(row.subject),
    detail: row.detail as Record<string, unknown>,
    hash: String(row.hash),
  }));
}

/** Subjects are `flight-delay`, `flight-delay/3`, `flight-delay v2`; those of budgets have their scope in front: `model flight-delay`. */
function ofModel(model: string, delivery: number | undefined): SQL {
  if (delivery === undefined)
    return sql`(${below(model)} OR subject = ${`model ${model}`} OR starts_with(subject, ${`delivery ${model}/`}))`;
  const own = `${model}/${delivery}`;
  return sql`(${below(own)} OR subject = ${`delivery ${own}`}
    OR (starts_with(subject, ${`${model} v`}) AND detail ->> 'delivery' = ${String(delivery)}))`;
}

function below(subject: string): SQL {
  return sql`(subject = ${subject} OR starts_with(subject, ${`${subject}/`}) OR starts_with(subject, ${`${subject} `}))`;
}
