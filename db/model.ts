import { eq } from 'drizzle-orm';
import { PerennialError } from '../contracts/errors.js';
import { appendAudit } from './audit.js';
import type { Database } from './connect.js';
import { model } from './schema/spec.js';

/** Marks a model as retired: nothing new starts for it. Marked again it keeps its first date. Throws MODEL_NOT_FOUND. */
export async function retireModel(
  db: Database,
  { name, by, reason }: { name: string; by: string; reason: string },
): Promise<Date> {
  return db.transaction(async (tx) => {
    const [found] = await tx.select().from(model).where(eq(model.name, name)).for('update');
    if (!found) throw new PerennialError('MODEL_NOT_FOUND', `There is no model '${name}'.`);
    if (found.retiredAt) return found.retiredAt;
    const retiredAt = new Date();
    await tx.update(model).set({ retiredAt }).where(eq(model.name, name));
    await appendAudit(tx, {
      actor: by,
      action: 'model.retired',
      subject: name,
      detail: { reason },
    });
    return retiredAt;
  });
}
