import { sql } from 'drizzle-orm';
import { PerennialError } from '../../contracts/errors.js';
import type { Executor } from '../connect.js';
import { readRows } from '../rows.js';
import { championNumber } from './promotion.js';

/** What a rollback is asked for: away from one version, to another. What is left out the records tell. */
export interface WantedRollback {
  from?: number | undefined;
  to?: number | undefined;
}

/** What a rollback moves between; or why there is nothing to move. */
export type RollbackChoice =
  | { kind: 'moves'; from: number | null; to: number; delivery: number; specDigest: string }
  | { kind: 'unchanged'; from: number; champion: number; reason: string };

/**
 * The version a rollback goes to: the one named, or the champion before this one. A rollback is away from the version named, or from the
 * one that was released last; where the champion is another already there is nothing to do, so that one who asks twice goes back once.
 * Throws VERSION_NOT_FOUND where there is none to go to, and PROMOTION_REFUSED where the named one was never approved.
 */
export async function chooseRollback(
  db: Executor,
  model: string,
  wanted: WantedRollback,
): Promise<RollbackChoice> {
  const champion = await championNumber(db, model);
  const from =
    wanted.from ?? (wanted.to === undefined ? await lastReleased(db, model) : null) ?? champion;
  if (champion !== null && from !== null) {
    const reason = whyUnchanged(model, { champion, from, to: wanted.to });
    if (reason !== null) return { kind: 'unchanged', from, champion, reason };
  }
  const to = wanted.to ?? (await championBefore(db, model, champion));
  const [row] = await readRows(
    db,
    sql`SELECT v.delivery, d.spec_digest, EXISTS (
        SELECT 1 FROM approval a WHERE a.model = v.model AND a.version = v.version AND a.standing = 'approved' AND a.evidence = v.evidence
      ) AS approved
      FROM version v JOIN delivery d ON d.model = v.model AND d.number = v.delivery
      WHERE v.model = ${model} AND v.version = ${to}`,
  );
  if (!row) throw new PerennialError('VERSION_NOT_FOUND', `Model '${model}' has no version ${to}.`);
  if (row.approved !== true)
    throw new PerennialError('PROMOTION_REFUSED', `v${to} of '${model}' was never approved.`);
  const { delivery, spec_digest: specDigest } = row;
  return {
    kind: 'moves',
    from: champion,
    to,
    delivery: Number(delivery),
    specDigest: String(specDigest),
  };
}

function whyUnchanged(
  model: string,
  { champion, from, to }: { champion: number; from: number; to: number | undefined },
): string | null {
  if (to === champion) return `v${champion} is the champion already.`;
  if (from === champion) return null;
  return `v${from} is not the champion, v${champion} is: \`perennial rollback ${model} --from ${champion}\` goes back from that one.`;
}

/** The version that the newest release brought in; of one that went back itself, the version that it went away from. */
async function lastReleased(db: Executor, model: string): Promise<number | null> {
  const [row] = await readRows(
    db,
    sql`SELECT greatest(version, champion) AS version FROM release WHERE model = ${model} ORDER BY started_at DESC LIMIT 1`,
  );
  return row ? Number(row.version) : null;
}

/** Among the versions before it the one that was champion last: what came after it may be what was gone back from. */
async function championBefore(
  db: Executor,
  model: string,
  champion: number | null,
): Promise<number> {
  const [row] = await readRows(
    db,
    sql`SELECT version FROM release WHERE model = ${model} AND status = 'promoted' AND (${champion}::int IS NULL OR version < ${champion}::int)
      ORDER BY ended_at DESC NULLS LAST LIMIT 1`,
  );
  if (!row)
    throw new PerennialError(
      'VERSION_NOT_FOUND',
      `Model '${model}' has had no champion ${champion === null ? 'yet' : `before v${champion}`}.`,
    );
  return Number(row.version);
}
