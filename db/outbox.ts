import { and, asc, eq, isNull, lte, sql } from 'drizzle-orm';
import type { Database, Executor } from './connect.js';
import { outbox } from './schema/outbox.js';

export interface OutboxEvent {
  /** Names the event itself (`approval.requested/flight-delay/3`): telling it twice makes one row. */
  key: string;
  /** A noun and a past participle: `version.promoted`. */
  type: string;
  subject: string;
  payload: Record<string, unknown>;
}

/** Keeps an event for whoever listens outside, in the transaction of the change it tells of. Harmless to repeat: the key makes one row. */
export async function addToOutbox(tx: Executor, event: OutboxEvent): Promise<void> {
  await tx.insert(outbox).values(event).onConflictDoNothing({ target: outbox.key });
}

export interface WaitingEvent extends OutboxEvent {
  id: string;
  attempts: number;
  createdAt: Date;
}

/**
 * Hands the oldest due events to `send`, one after the other, and marks what was sent. Rows are locked meanwhile, so two senders
 * never hold the same one. A sender that dies between sending and marking sends again: at least once, with the same id.
 */
export async function sendWaitingEvents(
  db: Database,
  send: (event: WaitingEvent) => Promise<boolean>,
  { batch = 20 }: { batch?: number } = {},
): Promise<{ sent: number; failed: number }> {
  return db.transaction(async (tx) => {
    const waiting = await tx
      .select()
      .from(outbox)
      .where(and(isNull(outbox.sentAt), lte(outbox.nextAttemptAt, sql`now()`)))
      .orderBy(asc(outbox.createdAt))
      .limit(batch)
      .for('update', { skipLocked: true });
    let sent = 0;
    for (const event of waiting) {
      if (await send(event)) {
        await tx
          .update(outbox)
          .set({ sentAt: sql`now()`, attempts: event.attempts + 1 })
          .where(eq(outbox.id, event.id));
        sent += 1;
      } else {
        await tx
          .update(outbox)
          .set({
            attempts: event.attempts + 1,
            nextAttemptAt: sql`now() + make_interval(secs => ${backOffSeconds(event.attempts)})`,
          })
          .where(eq(outbox.id, event.id));
      }
    }
    return { sent, failed: waiting.length - sent };
  });
}

/** Doubles from 2 seconds up to an hour. */
function backOffSeconds(attempts: number): number {
  return Math.min(3_600, 2 ** Math.min(attempts + 1, 12));
}
