import { and, asc, eq, isNotNull, isNull, sql } from 'drizzle-orm';
import type { ArtifactRef } from '../../contracts/names.js';
import { appendAudit } from '../audit.js';
import type { Database, Executor } from '../connect.js';
import { readRows } from '../rows.js';
import { checkpoint } from '../schema/checkpoint.js';

/** A kept checkpoint as far as its bytes matter. */
export interface CheckpointRow {
  key: string;
  number: number;
  manifest: ArtifactRef;
}

/**
 * Marks the checkpoints of deliveries that were closed before a moment: no training starts from them any more. The newest whole one of a
 * delivery that money stopped stays until a later training of its model succeeded, for the next one goes on from it. Answers with how many
 * it marked; a second run finds them marked.
 */
export async function expireCheckpoints(db: Database, closedBefore: Date): Promise<number> {
  return db.transaction(async (tx) => {
    const marked = await readRows(
      tx,
      sql`WITH wanted AS (
          SELECT DISTINCT ON (r.model, r.delivery) c.key, c.number
          FROM checkpoint c JOIN training_run r ON r.key = c.key
          WHERE c.corrupt_at IS NULL AND c.expired_at IS NULL
            AND EXISTS (
              SELECT 1 FROM training_run unpaid
              WHERE unpaid.model = r.model AND unpaid.delivery = r.delivery AND unpaid.outcome ->> 'error' = 'BUDGET_EXCEEDED')
            AND NOT EXISTS (
              SELECT 1 FROM training_run later
              WHERE later.model = r.model AND later.delivery >= r.delivery AND later.outcome ->> 'kind' = 'succeeded')
          ORDER BY r.model, r.delivery, r.attempt DESC, c.number DESC
        ), marked AS (
          UPDATE checkpoint c SET expired_at = now()
          FROM training_run r JOIN delivery d ON d.model = r.model AND d.number = r.delivery
          WHERE r.key = c.key AND c.expired_at IS NULL AND d.closed_at < ${closedBefore.toISOString()}::timestamptz
            AND NOT EXISTS (SELECT 1 FROM wanted WHERE wanted.key = c.key AND wanted.number = c.number)
          RETURNING r.model || '/' || r.delivery AS subject, c.bytes
        )
        SELECT subject, count(*)::int AS checkpoints, sum(bytes)::float8 AS bytes FROM marked GROUP BY subject ORDER BY subject`,
    );
    for (const { subject, checkpoints, bytes } of marked)
      await appendAudit(tx, {
        actor: 'perennial',
        action: 'checkpoint.expired',
        subject: String(subject),
        detail: { checkpoints, bytes },
      });
    return marked.reduce((sum, { checkpoints }) => sum + Number(checkpoints), 0);
  });
}

/** Expired checkpoints whose rows are still there, the oldest first. */
export function listExpired(db: Executor, limit: number): Promise<CheckpointRow[]> {
  return db
    .select({ key: checkpoint.key, number: checkpoint.number, manifest: checkpoint.manifest })
    .from(checkpoint)
    .where(isNotNull(checkpoint.expiredAt))
    .orderBy(asc(checkpoint.expiredAt), asc(checkpoint.key), asc(checkpoint.number))
    .limit(limit);
}

/** Checkpoints that a training may still start from. */
export function listLive(db: Executor): Promise<CheckpointRow[]> {
  return db
    .select({ key: checkpoint.key, number: checkpoint.number, manifest: checkpoint.manifest })
    .from(checkpoint)
    .where(and(isNull(checkpoint.expiredAt), isNull(checkpoint.corruptAt)));
}

/** Forgets an expired checkpoint whose objects are gone; the database refuses it for any other. A second run finds no row. */
export async function forgetCheckpoint(
  db: Executor,
  { key, number }: Pick<CheckpointRow, 'key' | 'number'>,
): Promise<void> {
  await db.delete(checkpoint).where(and(eq(checkpoint.key, key), eq(checkpoint.number, number)));
}

/** Digests of all artifacts that rows name, checkpoints apart: a checkpoint's file may have the bytes of a model or of a channel. */
export async function artifactsNamed(db: Executor): Promise<Set<string>> {
  const rows = await readRows(
    db,
    sql`SELECT DISTINCT named #>> '{}' AS sha256 FROM (
      SELECT jsonb_path_query(jsonb_build_array(manifest, content), 'strict $.**.sha256') AS named FROM snapshot
      UNION ALL SELECT jsonb_path_query(content, 'strict $.**.sha256') FROM validation
      UNION ALL SELECT jsonb_path_query(outcome, 'strict $.**.sha256') FROM training_run
      UNION ALL SELECT jsonb_path_query(content, 'strict $.**.sha256') FROM evaluation
      UNION ALL SELECT jsonb_path_query(jsonb_build_array(artifact, reference, golden, evidence_content, lineage), 'strict $.**.sha256') FROM version
    ) digests`,
  );
  return new Set(rows.map(({ sha256 }) => String(sha256)));
}
