import { and, eq } from 'drizzle-orm';
import type { Snapshot, SnapshotManifest, Validation } from '../../contracts/dataset.js';
import type { DeliveryKey } from '../../contracts/stages.js';
import { digestOf } from '../../runtime/digest.js';
import { appendAudit } from '../audit.js';
import type { Database, Executor, Transaction } from '../connect.js';
import { checkResult, snapshot, validation } from '../schema/dataset.js';
import { delivery } from '../schema/delivery.js';

/**
 * Remembers a snapshot under its digest and as the one this delivery works on; says whether the digest is new. The same snapshot for the
 * same delivery again changes nothing.
 */
export async function recordSnapshot(
  db: Database,
  key: DeliveryKey,
  { taken, manifest }: { taken: Omit<Snapshot, 'created'>; manifest: SnapshotManifest },
): Promise<Snapshot> {
  return db.transaction(async (tx) => {
    const inserted = await tx
      .insert(snapshot)
      .values({
        digest: taken.digest,
        model: key.model,
        manifest: taken.manifest,
        content: manifest,
      })
      .onConflictDoNothing()
      .returning({ digest: snapshot.digest });
    const ofDelivery = and(eq(delivery.model, key.model), eq(delivery.number, key.delivery));
    const [before] = await tx
      .select({ digest: delivery.snapshotDigest })
      .from(delivery)
      .where(ofDelivery)
      .for('update');
    if (before?.digest !== taken.digest) {
      await tx.update(delivery).set({ snapshotDigest: taken.digest }).where(ofDelivery);
      await appendAudit(tx, {
        actor: 'perennial',
        action: 'snapshot.taken',
        subject: `${key.model}/${key.delivery}`,
        detail: { digest: taken.digest, rows: taken.rows, window: taken.window },
      });
    }
    return { ...taken, created: inserted.length > 0 };
  });
}

/** Remembers what the contract's checks found. The same result again changes nothing; another one replaces the first. */
export async function recordValidation(
  db: Database,
  key: DeliveryKey,
  content: Validation,
): Promise<void> {
  await db.transaction(async (tx) => {
    const before = await findValidation(tx, key);
    if (before && digestOf(before) === digestOf(content)) return;
    const row = { ...key, content, quarantined: content.quarantined };
    await tx
      .insert(validation)
      .values(row)
      .onConflictDoUpdate({ target: [validation.model, validation.delivery], set: row });
    await replaceChecks(tx, key, content);
    await appendAudit(tx, {
      actor: 'perennial',
      action: 'contract.judged',
      subject: `${key.model}/${key.delivery}`,
      detail: {
        verdict: content.verdict,
        rows: content.rows,
        quarantined: content.quarantined,
        failed: content.checks.filter((check) => check.verdict === 'fail').map(({ name }) => name),
      },
    });
  });
}

/** What the contract's checks found in a delivery; null before they ran. */
export async function findValidation(db: Executor, key: DeliveryKey): Promise<Validation | null> {
  const [row] = await db
    .select({ content: validation.content })
    .from(validation)
    .where(and(eq(validation.model, key.model), eq(validation.delivery, key.delivery)));
  return row?.content ?? null;
}

async function replaceChecks(
  tx: Transaction,
  { model, delivery: number }: DeliveryKey,
  { checks }: Validation,
): Promise<void> {
  await tx
    .delete(checkResult)
    .where(and(eq(checkResult.model, model), eq(checkResult.delivery, number)));
  if (checks.length > 0)
    await tx
      .insert(checkResult)
      .values(checks.map((finding) => ({ model, delivery: number, name: finding.name, finding })));
}
