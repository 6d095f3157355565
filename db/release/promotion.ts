import { and, eq, inArray, sql } from 'drizzle-orm';
import pg from 'pg';
import { PerennialError } from '../../contracts/errors.js';
import type { Executor, Transaction } from '../connect.js';
import { approval } from '../schema/approval.js';
import { gateVerdict } from '../schema/evaluation.js';
import { alias, version } from '../schema/version.js';

const checkViolation = '23514';

/** Throws PROMOTION_REFUSED unless people approved exactly this version's evidence and none of its gates failed. */
export async function requireApproval(db: Executor, model: string, number: number): Promise<void> {
  const [found] = await db
    .select({ evidence: version.evidence, delivery: version.delivery })
    .from(version)
    .where(and(eq(version.model, model), eq(version.version, number)));
  if (!found) throw new PerennialError('VERSION_NOT_FOUND', `${model} has no version ${number}.`);
  const approvals = await db
    .select({ evidence: approval.evidence, standing: approval.standing })
    .from(approval)
    .where(and(eq(approval.model, model), eq(approval.version, number)));
  const approved = approvals.find((each) => each.standing === 'approved');
  if (!approved) {
    const standing = approvals[0]?.standing;
    throw new PerennialError(
      'PROMOTION_REFUSED',
      `Version ${number} of ${model} was to get traffic, but its approval is ${standing ?? 'missing'}.`,
    );
  }
  if (approved.evidence !== found.evidence)
    throw new PerennialError(
      'PROMOTION_REFUSED',
      `Version ${number} of ${model} was approved on evidence ${approved.evidence}, but stands on ${found.evidence}.`,
    );
  const failed = await db
    .select({ name: gateVerdict.name, verdict: gateVerdict.verdict })
    .from(gateVerdict)
    .where(
      and(
        eq(gateVerdict.model, model),
        eq(gateVerdict.delivery, found.delivery),
        inArray(gateVerdict.verdict, ['fail', 'error']),
      ),
    );
  if (failed.length > 0)
    throw new PerennialError(
      'PROMOTION_REFUSED',
      `Version ${number} of ${model} was to get traffic, but it failed ${failed.map(({ name }) => name).join(', ')}.`,
    );
}

/** Version that the alias `champion` names; null before the first promotion. */
export async function championNumber(db: Executor, model: string): Promise<number | null> {
  const [row] = await db
    .select({ version: alias.version })
    .from(alias)
    .where(and(eq(alias.model, model), eq(alias.name, 'champion')));
  return row?.version ?? null;
}

/** Points the alias `champion` at a version. A trigger refuses one without approval, whoever asks: PROMOTION_REFUSED. */
export async function setChampion(tx: Transaction, model: string, number: number): Promise<void> {
  try {
    await tx
      .insert(alias)
      .values({ model, name: 'champion', version: number })
      .onConflictDoUpdate({
        target: [alias.model, alias.name],
        set: { version: number, updatedAt: sql`clock_timestamp()` },
      });
  } catch (error) {
    const refused = error instanceof Error ? error.cause : undefined;
    if (!(refused instanceof pg.DatabaseError) || refused.code !== checkViolation) throw error;
    throw new PerennialError('PROMOTION_REFUSED', `${refused.message}.`, {}, { cause: error });
  }
}
