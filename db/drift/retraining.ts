import { and, count, eq, gt, inArray, isNull, max } from 'drizzle-orm';
import type { Executor } from '../connect.js';
import { delivery } from '../schema/delivery.js';
import { retrainingDecision } from '../schema/drift.js';

const askedFor = (model: string) =>
  and(eq(retrainingDecision.model, model), eq(retrainingDecision.action, 'retrain'));

export interface PastRetrainings {
  lastAt: Date | null;
  lastMonth: number;
  failures: number;
  running: number | null;
}

/** What was retrained before, and whether a delivery is under way. */
export async function pastRetrainings(
  db: Executor,
  model: string,
  now: Date,
): Promise<PastRetrainings> {
  const monthAgo = new Date(now.getTime() - 30 * 86_400_000);
  const [decisions] = await db
    .select({ at: max(retrainingDecision.at) })
    .from(retrainingDecision)
    .where(askedFor(model));
  const [month] = await db
    .select({ many: count() })
    .from(retrainingDecision)
    .where(and(askedFor(model), gt(retrainingDecision.at, monthAgo)));
  const [closed] = await db
    .select({ at: max(delivery.closedAt) })
    .from(delivery)
    .where(eq(delivery.model, model));
  const [promoted] = await db
    .select({ number: max(delivery.number) })
    .from(delivery)
    .where(and(eq(delivery.model, model), eq(delivery.outcome, 'promoted')));
  const [failed] = await db
    .select({ many: count() })
    .from(delivery)
    .where(
      and(
        eq(delivery.model, model),
        gt(delivery.number, promoted?.number ?? 0),
        inArray(delivery.trigger, ['schedule', 'drift', 'performance', 'age']),
        inArray(delivery.outcome, [
          'training-failed',
          'gate-failed',
          'rejected',
          'rolled-back',
          'failed',
        ]),
      ),
    );
  const [running] = await db
    .select({ number: delivery.number })
    .from(delivery)
    .where(and(eq(delivery.model, model), isNull(delivery.outcome)));
  const times = [decisions?.at, closed?.at].flatMap((at) => (at ? [at.getTime()] : []));
  return {
    lastAt: times.length > 0 ? new Date(Math.max(...times)) : null,
    lastMonth: month?.many ?? 0,
    failures: failed?.many ?? 0,
    running: running?.number ?? null,
  };
}

/** How many retrainings the monitor of a model has asked for. */
export async function countRetrainings(db: Executor, model: string): Promise<number> {
  const [found] = await db
    .select({ many: count() })
    .from(retrainingDecision)
    .where(askedFor(model));
  return found?.many ?? 0;
}
