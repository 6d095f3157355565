import { asc, gt } from 'drizzle-orm';
import { digestOf } from '../runtime/digest.js';
import type { Executor, Transaction } from './connect.js';
import { auditEntry, auditHead } from './schema/audit.js';

export interface AuditFact {
  actor: string;
  /** A verb of the domain: `delivery.opened`, `version.promoted` … */
  action: string;
  /** What it was done to: `flight-delay/3`, `flight-delay v2`. */
  subject: string;
  detail: Record<string, unknown>;
}

/**
 * Appends to the hash chain inside the transaction of the change itself. Call it last: it locks the chain's head until commit.
 * hash = sha256 of the canonical JSON of {sequence, at, actor, action, subject, detail, previousHash}.
 */
export async function appendAudit(
  tx: Transaction,
  fact: AuditFact,
  at: Date = new Date(),
): Promise<void> {
  const [head] = await tx.select().from(auditHead).for('update');
  if (!head) throw new Error('The audit chain has no head: the schema is incomplete');
  const entry = { sequence: head.sequence + 1, at, ...fact, previousHash: head.hash };
  const hash = digestOf({ ...entry, at: at.toISOString() });
  await tx.insert(auditEntry).values({ ...entry, hash });
  await tx.update(auditHead).set({ sequence: entry.sequence, hash });
}

/** Recomputes the whole chain; returns the sequence number of the first entry that does not fit, or null. */
export async function firstBrokenAuditEntry(db: Executor): Promise<number | null> {
  let previousHash = '0'.repeat(64);
  let sequence = 0;
  for (;;) {
    const page = await db
      .select()
      .from(auditEntry)
      .where(gt(auditEntry.sequence, sequence))
      .orderBy(asc(auditEntry.sequence))
      .limit(1_000);
    if (page.length === 0) return null;
    for (const { hash, ...entry } of page) {
      const expected = digestOf({ ...entry, at: entry.at.toISOString() });
      if (
        entry.sequence !== sequence + 1 ||
        entry.previousHash !== previousHash ||
        hash !== expected
      )
        return entry.sequence;
      sequence = entry.sequence;
      previousHash = hash;
    }
  }
}
