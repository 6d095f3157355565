import { and, eq, isNull, sql } from 'drizzle-orm';
import type { Stage } from '../../contracts/delivery.js';
import type { DeliveryKey } from '../../contracts/stages.js';
import type { Database, Executor } from '../connect.js';
import { delivery, deliveryStage } from '../schema/delivery.js';

/** Runs the work of one stage between two marks in the delivery's record. Run again, the stage keeps its first start and first end. */
export async function duringStage<T>(
  db: Database,
  key: DeliveryKey,
  stage: Stage,
  work: () => Promise<T>,
): Promise<T> {
  await db.transaction((tx) => enterStage(tx, key, stage));
  const result = await work();
  await leaveStage(db, key, stage);
  return result;
}

/** Marks a stage as begun. Marked again it keeps its start; a delivery that has ended keeps its stage. */
export async function enterStage(
  tx: Executor,
  key: DeliveryKey,
  stage: Stage,
  startedAt?: Date,
): Promise<void> {
  await tx
    .update(delivery)
    .set({ stage })
    .where(
      and(
        eq(delivery.model, key.model),
        eq(delivery.number, key.delivery),
        isNull(delivery.outcome),
      ),
    );
  await tx
    .insert(deliveryStage)
    .values({ model: key.model, delivery: key.delivery, stage, ...(startedAt && { startedAt }) })
    .onConflictDoNothing();
}

/** Marks a stage as going on after all: its next end is the one that counts. */
export async function reopenStage(tx: Executor, key: DeliveryKey, stage: Stage): Promise<void> {
  await tx
    .update(deliveryStage)
    .set({ endedAt: null })
    .where(
      and(
        eq(deliveryStage.model, key.model),
        eq(deliveryStage.delivery, key.delivery),
        eq(deliveryStage.stage, stage),
      ),
    );
}

/** Marks a stage as ended; the first end stands. */
export async function leaveStage(tx: Executor, key: DeliveryKey, stage: Stage): Promise<void> {
  await tx
    .update(deliveryStage)
    .set({ endedAt: sql`now()` })
    .where(
      and(
        eq(deliveryStage.model, key.model),
        eq(deliveryStage.delivery, key.delivery),
        eq(deliveryStage.stage, stage),
        isNull(deliveryStage.endedAt),
      ),
    );
}
