import { sql } from 'drizzle-orm';
import type { ModelSpec } from '../../contracts/spec.js';
import type { Database } from '../../db/connect.js';
import { registerSpec } from '../../db/model/spec.js';

/** Registers a spec, and with it its model, as `apply` does; answers with its digest. */
export async function giveSpec(
  db: Database,
  spec: ModelSpec,
  { contract = {}, base = '/nowhere' }: { contract?: object; base?: string } = {},
): Promise<string> {
  const content = { spec, contract, base };
  return (await registerSpec(db, { content, by: spec.owner })).digest;
}

/** A delivery of a model, its training under way. */
export async function giveDelivery(
  db: Database,
  { model, delivery = 1, specDigest }: { model: string; delivery?: number; specDigest: string },
): Promise<void> {
  await db.execute(sql`
    INSERT INTO delivery (model, number, workflow_id, first_run_id, trigger, requested_by, spec_digest, stage)
    VALUES (${model}, ${delivery}, ${`deliver/${model}`}, ${crypto.randomUUID()}, 'manual', 'ann', ${specDigest}, 'train')`);
}
