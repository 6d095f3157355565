import { and, desc, eq, isNull, sql } from 'drizzle-orm';
import { PerennialError } from '../../contracts/errors.js';
import type { CloseDeliveryInput, DeliveryKey, OpenDeliveryInput } from '../../contracts/stages.js';
import { withdrawOpenApproval } from './approval.js';
import { appendAudit } from '../audit.js';
import type { Database, Executor, Transaction } from '../connect.js';
import { addToOutbox } from '../outbox.js';
import { delivery, deliveryStage } from '../schema/delivery.js';
import { model } from '../schema/spec.js';

type Row = typeof delivery.$inferSelect;

/**
 * Gives a chain of runs its number, one more than the model's last. Asked again, the chain keeps its number. A running delivery of
 * another chain has lost its workflow, since the workflow's id can run only once: it is closed as failed.
 */
export async function openDeliveryRow(
  db: Database,
  input: OpenDeliveryInput & { specDigest: string },
): Promise<{ number: number; specDigest: string }> {
  return db.transaction(async (tx) => {
    // One opener of a model at a time: numbers have no gaps and no twins.
    const [owner] = await tx.select().from(model).where(eq(model.name, input.model)).for('update');
    if (!owner) throw new PerennialError('MODEL_NOT_FOUND', `There is no model '${input.model}'.`);
    const [known] = await tx
      .select()
      .from(delivery)
      .where(eq(delivery.firstRunId, input.firstRunId));
    if (known) return known;
    if (owner.retiredAt)
      throw new PerennialError(
        'MODEL_RETIRED',
        `A delivery of '${input.model}' was asked for; the model was retired at ${owner.retiredAt.toISOString()}.`,
      );
    await closeAbandoned(tx, input.model);
    const number = ((await lastNumber(tx, input.model)) ?? 0) + 1;
    await tx.insert(delivery).values({
      model: input.model,
      number,
      workflowId: input.workflowId,
      firstRunId: input.firstRunId,
      trigger: input.trigger ?? 'manual',
      requestedBy: input.requestedBy,
      reason: input.reason ?? '',
      specDigest: input.specDigest,
      windowFrom: input.window ? new Date(input.window.from) : null,
      windowTo: input.window ? new Date(input.window.to) : null,
      stage: 'open',
    });
    await tx
      .insert(deliveryStage)
      .values({ model: input.model, delivery: number, stage: 'open', endedAt: sql`now()` });
    await addToOutbox(tx, {
      key: `delivery.opened/${input.model}/${number}`,
      type: 'delivery.opened',
      subject: `${input.model}/${number}`,
      payload: { model: input.model, delivery: number, trigger: input.trigger ?? 'manual' },
    });
    await appendAudit(tx, {
      actor: input.requestedBy,
      action: 'delivery.opened',
      subject: `${input.model}/${number}`,
      detail: {
        trigger: input.trigger ?? 'manual',
        reason: input.reason ?? '',
        specDigest: input.specDigest,
        firstRunId: input.firstRunId,
      },
    });
    return { number, specDigest: input.specDigest };
  });
}

/** Ends a delivery with its outcome. The first outcome stands: false when it had ended before. */
export async function closeDeliveryRow(db: Database, input: CloseDeliveryInput): Promise<boolean> {
  return db.transaction((tx) => endRow(tx, input));
}

async function endRow(
  tx: Transaction,
  { model: name, delivery: number, outcome, explanation }: CloseDeliveryInput,
): Promise<boolean> {
  const key = { model: name, delivery: number };
  const closed = await tx
    .update(delivery)
    .set({ outcome, explanation, stage: 'done', closedAt: sql`now()` })
    .where(and(isKey(key), isNull(delivery.outcome)))
    .returning({ number: delivery.number });
  if (closed.length === 0) return false;
  await tx
    .update(deliveryStage)
    .set({ endedAt: sql`now()` })
    .where(
      and(
        eq(deliveryStage.model, name),
        eq(deliveryStage.delivery, number),
        isNull(deliveryStage.endedAt),
      ),
    );
  await addToOutbox(tx, {
    key: `delivery.closed/${name}/${number}`,
    type: 'delivery.closed',
    subject: `${name}/${number}`,
    payload: { ...key, outcome, explanation },
  });
  await appendAudit(tx, {
    actor: 'perennial',
    action: 'delivery.closed',
    subject: `${name}/${number}`,
    detail: { outcome, explanation },
  });
  return true;
}

/** Closes a delivery as failed whose workflow ended without doing so. False when it had ended before, so that a second run is harmless. */
export async function closeLostDelivery(db: Database, key: DeliveryKey): Promise<boolean> {
  return db.transaction(async (tx) => {
    const [open] = await tx
      .select()
      .from(delivery)
      .where(and(isKey(key), isNull(delivery.outcome)));
    return open ? closeLost(tx, open) : false;
  });
}

async function closeAbandoned(tx: Transaction, name: string): Promise<void> {
  const [running] = await tx
    .select()
    .from(delivery)
    .where(and(eq(delivery.model, name), isNull(delivery.outcome)));
  if (running) await closeLost(tx, running);
}

async function closeLost(
  tx: Transaction,
  { model: name, number, firstRunId }: Row,
): Promise<boolean> {
  const key = { model: name, delivery: number };
  const explanation = `Its workflow (first run ${firstRunId}) ended without closing it.`;
  await withdrawOpenApproval(tx, key, explanation);
  return endRow(tx, { ...key, outcome: 'failed', explanation });
}

async function lastNumber(tx: Transaction, name: string): Promise<number | undefined> {
  const [last] = await tx
    .select({ number: delivery.number })
    .from(delivery)
    .where(eq(delivery.model, name))
    .orderBy(desc(delivery.number))
    .limit(1);
  return last?.number;
}

/** A delivery's row, or null. */
export async function loadDelivery(db: Executor, key: DeliveryKey): Promise<Row | null> {
  const [row] = await db.select().from(delivery).where(isKey(key));
  return row ?? null;
}

const isKey = (key: DeliveryKey) =>
  and(eq(delivery.model, key.model), eq(delivery.number, key.delivery));
