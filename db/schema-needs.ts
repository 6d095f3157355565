import { readFileSync } from 'node:fs';
import { sql } from 'drizzle-orm';
import { z } from 'zod';
import { PerennialError } from '../contracts/errors.js';
import type { Log } from '../runtime/log.js';
import type { Executor } from './connect.js';

const journal = z
  .object({ entries: z.array(z.object({ when: z.number(), tag: z.string() })).min(1) })
  .parse(
    JSON.parse(readFileSync(new URL('./migrations/meta/_journal.json', import.meta.url), 'utf8')),
  );

/** SQLSTATE of a table that is not there: the schema is older than this check. */
const undefinedTable = '42P01';

/**
 * Throws SCHEMA_NEWER where a newer release has changed the schema so that this process would misread it. Newer migrations that only add
 * are no reason: the release before goes on working while the next one comes.
 */
export async function requireKnownSchema(db: Executor): Promise<void> {
  const needed = await readNeeded(db);
  const newest = journal.entries.reduce((one, other) => (other.when > one.when ? other : one));
  if (needed <= newest.when) return;
  throw new PerennialError(
    'SCHEMA_NEWER',
    `A newer Perennial has changed this database: it needs migration ${needed}, the newest that this one knows is ${newest.when} (${newest.tag}).`,
  );
}

/** The same at the start of a process that shall start also while the database is away: what it cannot ask, it cannot know. */
export async function requireKnownSchemaIfThere(db: Executor, log: Log): Promise<void> {
  try {
    await requireKnownSchema(db);
  } catch (error) {
    if (error instanceof PerennialError) throw error;
    log.warn('The schema could not be looked at', { error });
  }
}

async function readNeeded(db: Executor): Promise<number> {
  try {
    const { rows } = await db.execute<{ migration: string }>(
      sql`SELECT migration FROM schema_needs`,
    );
    return Number(rows[0]?.migration ?? 0);
  } catch (error) {
    const cause: unknown = error instanceof Error ? error.cause : undefined;
    if ((cause as { code?: unknown } | undefined)?.code === undefinedTable) return 0;
    throw error;
  }
}
