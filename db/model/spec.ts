import { and, eq } from 'drizzle-orm';
import { PerennialError } from '../../contracts/errors.js';
import { registeredSpec, type RegisteredSpec } from '../../contracts/spec.js';
import type { DeliveryKey } from '../../contracts/stages.js';
import { digestOf } from '../../runtime/digest.js';
import { appendAudit } from '../audit.js';
import type { Database, Executor } from '../connect.js';
import { delivery } from '../schema/delivery.js';
import { model, spec } from '../schema/spec.js';

/** Registers a spec under the digest of its content and makes it the model's current one, which takes a retired model back into service. The same content again changes nothing. */
export async function registerSpec(
  db: Database,
  { content, by }: { content: Omit<RegisteredSpec, 'digest'>; by: string },
): Promise<{ digest: string; created: boolean; backInService: boolean }> {
  const digest = digestOf(content);
  const name = content.spec.model;
  return db.transaction(async (tx) => {
    await tx
      .insert(model)
      .values({ name, team: content.spec.team })
      .onConflictDoUpdate({ target: model.name, set: { team: content.spec.team } });
    const inserted = await tx
      .insert(spec)
      .values({ digest, model: name, content, registeredBy: by })
      .onConflictDoNothing()
      .returning({ digest: spec.digest });
    const created = inserted.length > 0;
    const [before] = await tx
      .select({ current: model.currentSpec, retiredAt: model.retiredAt })
      .from(model)
      .where(eq(model.name, name));
    const backInService = (before?.retiredAt ?? null) !== null;
    if (before?.current === digest && !backInService) return { digest, created, backInService };
    await tx
      .update(model)
      .set({ currentSpec: digest, retiredAt: null, offAirAt: null })
      .where(eq(model.name, name));
    await appendAudit(tx, {
      actor: by,
      action: 'spec.applied',
      subject: name,
      detail: { digest, before: before?.current ?? null },
    });
    return { digest, created, backInService };
  });
}

/** The spec with this digest. Throws SPEC_NOT_FOUND. */
export async function loadSpec(db: Executor, digest: string): Promise<RegisteredSpec> {
  const [row] = await db.select().from(spec).where(eq(spec.digest, digest));
  if (!row) throw new PerennialError('SPEC_NOT_FOUND', `There is no spec with digest ${digest}.`);
  return registeredSpec.parse({ ...row.content, digest });
}

/** The spec that a delivery goes by. Throws SPEC_NOT_FOUND. */
export async function specOfDelivery(
  db: Executor,
  { model: name, delivery: number }: DeliveryKey,
): Promise<RegisteredSpec> {
  const [row] = await db
    .select({ digest: delivery.specDigest })
    .from(delivery)
    .where(and(eq(delivery.model, name), eq(delivery.number, number)));
  return loadSpec(db, row?.digest ?? '');
}

/** The model's current spec. Throws MODEL_NOT_FOUND. */
export async function currentSpec(db: Executor, name: string): Promise<RegisteredSpec> {
  const [row] = await db
    .select({ digest: model.currentSpec })
    .from(model)
    .where(eq(model.name, name));
  if (!row?.digest) throw new PerennialError('MODEL_NOT_FOUND', `There is no model '${name}'.`);
  return loadSpec(db, row.digest);
}
