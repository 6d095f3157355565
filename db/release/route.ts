import { and, desc, eq, sql } from 'drizzle-orm';
import { PerennialError } from '../../contracts/errors.js';
import type { Route } from '../../contracts/serving.js';
import type { Executor, Transaction } from '../connect.js';
import { route } from '../schema/route.js';

export interface NewRoute extends Omit<Route, 'revision'> {
  /** Names what is being done, the revision it starts from included, so that its repetition finds it done. */
  act: string;
  reason: string;
}

/** The route in force; null while the model has none. */
export async function currentRoute(db: Executor, model: string): Promise<Route | null> {
  const [row] = await db
    .select({ model: route.model, revision: route.revision, salt: route.salt, arms: route.arms })
    .from(route)
    .where(eq(route.model, model))
    .orderBy(desc(route.revision))
    .limit(1);
  return row ?? null;
}

/** Lets one mover of a model's route through at a time, until its transaction ends. The trigger takes the same lock. */
export async function lockRoute(tx: Transaction, model: string): Promise<void> {
  await tx.execute(sql`SELECT pg_advisory_xact_lock(hashtext('route/' || ${model}))`);
}

/** The revision that an act made; null when it has not been done. */
export async function revisionOfAct(
  db: Executor,
  model: string,
  act: string,
): Promise<number | null> {
  const [row] = await db
    .select({ revision: route.revision })
    .from(route)
    .where(and(eq(route.model, model), eq(route.act, act)));
  return row?.revision ?? null;
}

/** Revisions whose acts begin with `prefix`, oldest first: the moves of one release. */
export async function revisionsOfActs(
  db: Executor,
  model: string,
  prefix: string,
): Promise<{ revision: number; at: Date }[]> {
  return db
    .select({ revision: route.revision, at: route.at })
    .from(route)
    .where(and(eq(route.model, model), sql`starts_with(${route.act}, ${prefix})`))
    .orderBy(route.revision);
}

/** Throws FENCED unless the route is where the mover last saw it. Lock the route first. */
export async function requireRevision(
  tx: Transaction,
  model: string,
  expected: number,
): Promise<void> {
  const found = (await currentRoute(tx, model))?.revision ?? 0;
  if (found === expected) return;
  throw new PerennialError(
    'FENCED',
    `The route of ${model} was to be moved from revision ${expected}, but it is at ${found}.`,
    { model, expected, found },
  );
}

/** Adds the next revision after `after`; gateways hear of it when the transaction commits. */
export async function addRoute(tx: Transaction, next: NewRoute, after: number): Promise<number> {
  const revision = after + 1;
  await tx.insert(route).values({ ...next, revision });
  return revision;
}
