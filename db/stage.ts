import { and, eq, sql } from 'drizzle-orm';
import type { Stage } from '../contracts/delivery.js';
import type { DeliveryKey } from '../contracts/stages.js';
import type { Database } from './connect.js';
import { delivery, deliveryStage } from './schema/delivery.js';

/** Runs the work of one stage between two marks in the delivery's record. Run again, the stage keeps its first start and gets its last end. */
export async function duringStage<T>(
  db: Database,
  key: DeliveryKey,
  stage: Stage,
  work: () => Promise<T>,
): Promise<T> {
  await db.transaction(async (tx) => {
    await tx
      .update(delivery)
      .set({ stage })
      .where(and(eq(delivery.model, key.model), eq(delivery.number, key.delivery)));
    await tx
      .insert(deliveryStage)
      .values({ model: key.model, delivery: key.delivery, stage })
      .onConflictDoNothing();
  });
  const result = await work();
  await db
    .update(deliveryStage)
    .set({ endedAt: sql`now()` })
    .where(
      and(
        eq(deliveryStage.model, key.model),
        eq(deliveryStage.delivery, key.delivery),
        eq(deliveryStage.stage, stage),
      ),
    );
  return result;
}
