import { eq } from 'drizzle-orm';
import { PerennialError } from '../../contracts/errors.js';
import { appendAudit } from '../audit.js';
import type { Database } from '../connect.js';
import { model } from '../schema/spec.js';

/**
 * Marks a model as retired: nothing new starts for it. With `offAir` gateways answer for it no more. Marked again it keeps its first dates;
 * off the air it can still go later, but only applying it takes it back. Throws MODEL_NOT_FOUND.
 */
export async function retireModel(
  db: Database,
  { name, by, reason, offAir }: { name: string; by: string; reason: string; offAir: boolean },
): Promise<{ retiredAt: Date; offAirAt: Date | null }> {
  return db.transaction(async (tx) => {
    const [found] = await tx.select().from(model).where(eq(model.name, name)).for('update');
    if (!found) throw new PerennialError('MODEL_NOT_FOUND', `There is no model '${name}'.`);
    const now = new Date();
    const retiredAt = found.retiredAt ?? now;
    const offAirAt = found.offAirAt ?? (offAir ? now : null);
    const retires = found.retiredAt === null;
    const goesOffAir = found.offAirAt === null && offAir;
    if (!retires && !goesOffAir) return { retiredAt, offAirAt };
    await tx.update(model).set({ retiredAt, offAirAt }).where(eq(model.name, name));
    const fact = { actor: by, subject: name, detail: { reason } };
    if (retires) await appendAudit(tx, { ...fact, action: 'model.retired' });
    if (goesOffAir) await appendAudit(tx, { ...fact, action: 'model.taken-off-air' });
    return { retiredAt, offAirAt };
  });
}
