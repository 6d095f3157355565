import { and, eq } from 'drizzle-orm';
import type { VersionView } from '../../contracts/delivery.js';
import { PerennialError } from '../../contracts/errors.js';
import type { ArtifactRef } from '../../contracts/names.js';
import type { Executor } from '../connect.js';
import { alias, version } from '../schema/version.js';

/** A version with what serving and judging need beside it: golden predictions, and the distribution that drift is measured against. */
export interface KnownVersion extends VersionView {
  golden: ArtifactRef;
  reference: ArtifactRef;
}

type Row = typeof version.$inferSelect;

/** Throws VERSION_NOT_FOUND. */
export async function loadVersion(
  db: Executor,
  model: string,
  number: number,
): Promise<KnownVersion> {
  const [row] = await db
    .select()
    .from(version)
    .where(and(eq(version.model, model), eq(version.version, number)));
  if (!row) throw new PerennialError('VERSION_NOT_FOUND', `${model} has no version ${number}.`);
  return knownVersion(row, await aliasesOf(db, model));
}

/** The version that answers now; null before the first promotion. */
export async function championOf(db: Executor, model: string): Promise<KnownVersion | null> {
  const names = await aliasesOf(db, model);
  const champion = names.find(({ name }) => name === 'champion');
  return champion ? loadVersion(db, model, champion.version) : null;
}

function aliasesOf(db: Executor, model: string): Promise<{ name: string; version: number }[]> {
  return db
    .select({ name: alias.name, version: alias.version })
    .from(alias)
    .where(eq(alias.model, model));
}

function knownVersion(row: Row, names: readonly { name: string; version: number }[]): KnownVersion {
  return {
    model: row.model,
    version: row.version,
    delivery: row.delivery,
    artifact: row.artifact,
    golden: row.golden,
    reference: row.reference,
    evidence: row.evidence,
    metrics: row.metrics,
    lineage: row.lineage,
    aliases: names
      .filter((each) => each.version === row.version)
      .map(({ name }) => name)
      .toSorted(),
    createdAt: row.createdAt.toISOString(),
  };
}
