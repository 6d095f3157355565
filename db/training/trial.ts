import { and, asc, eq, inArray, sql } from 'drizzle-orm';
import type { ArtifactRef } from '../../contracts/names.js';
import type { ParameterValues, StopJudgement, TrialView } from '../../contracts/search.js';
import type { DeliveryKey } from '../../contracts/stages.js';
import { appendAudit } from '../audit.js';
import type { Database, Executor } from '../connect.js';
import { readRows } from '../rows.js';
import { trial } from '../schema/trial.js';

export type TrialEvent = typeof trial.$inferSelect;
const told = ['complete', 'pruned', 'failed'] as const;

/** What became of a trial. */
export interface ToldResult {
  event: (typeof told)[number];
  value: number | null;
  step: number | null;
  attempts: number;
  artifact: ArtifactRef | null;
  reason: string;
}

/** All that happened in the search of a delivery, in order. */
export async function listTrialEvents(
  db: Executor,
  { model, delivery }: DeliveryKey,
): Promise<TrialEvent[]> {
  return db
    .select()
    .from(trial)
    .where(and(eq(trial.model, model), eq(trial.delivery, delivery)))
    .orderBy(asc(trial.sequence));
}

/** The trials that these events tell of, in the order in which they were asked for. */
export function trialsOf(events: readonly TrialEvent[]): TrialView[] {
  const asked = events.filter(({ event }) => event === 'asked');
  return asked.map(({ number, parameters, at }) => {
    const own = events.filter((each) => each.number === number);
    const end = own.find(
      ({ event }) => event !== 'asked' && event !== 'judged' && event !== 'chosen',
    );
    return {
      trial: number,
      state: (end?.event as ToldResult['event'] | undefined) ?? 'asked',
      parameters: parameters ?? {},
      value: end?.value ?? null,
      step: end?.step ?? null,
      attempts: end?.attempts ?? null,
      artifact: end?.artifact?.sha256 ?? null,
      reason: end?.reason ?? '',
      judgement: own.find(({ judgement }) => judgement !== null)?.judgement ?? null,
      chosen: own.some(({ event }) => event === 'chosen'),
      askedAt: at.toISOString(),
      endedAt: end?.at.toISOString() ?? null,
    };
  });
}

/** Remembers what a trial was asked to be trained with; `seen` is the last event that was known. Asked again it gets the first answer. */
export async function recordAsked(
  db: Database,
  key: DeliveryKey,
  number: number,
  { parameters, seen }: { parameters: ParameterValues; seen: number },
): Promise<ParameterValues> {
  const row = await addEvent(db, key, { number, event: 'asked', parameters, seen });
  return row.parameters ?? {};
}

/** Remembers why a running trial is to be stopped. The first judgement stands. */
export async function recordJudged(
  db: Database,
  key: DeliveryKey,
  number: number,
  judgement: StopJudgement,
): Promise<StopJudgement> {
  const row = await addEvent(db, key, { number, event: 'judged', judgement });
  return row.judgement ?? judgement;
}

/** Why a trial is to be stopped; null where it may go on. */
export async function findJudgement(
  db: Executor,
  { model, delivery }: DeliveryKey,
  number: number,
): Promise<StopJudgement | null> {
  const own = and(eq(trial.model, model), eq(trial.delivery, delivery), eq(trial.number, number));
  const [row] = await db
    .select({ judgement: trial.judgement })
    .from(trial)
    .where(and(own, eq(trial.event, 'judged')));
  return row?.judgement ?? null;
}

/** Remembers how a trial ended. The first end stands: told again, it is given back and nothing changes. */
export async function recordTold(
  db: Database,
  key: DeliveryKey,
  number: number,
  result: ToldResult,
): Promise<TrialEvent> {
  return addEvent(db, key, { number, ...result });
}

/** Marks the trial whose model becomes the delivery's candidate. Again, it changes nothing. */
export async function recordChosen(db: Database, key: DeliveryKey, number: number): Promise<void> {
  await addEvent(db, key, { number, event: 'chosen' });
}

type NewEvent = Pick<TrialEvent, 'number' | 'event'> & Partial<TrialEvent>;

/** An event happens to a trial once, and it ends once: what was there first is given back. */
async function addEvent(
  db: Database,
  { model, delivery }: DeliveryKey,
  given: NewEvent,
): Promise<TrialEvent> {
  return db.transaction(async (tx) => {
    const [added] = await tx
      .insert(trial)
      .values({ model, delivery, ...given })
      .onConflictDoNothing()
      .returning();
    if (!added) {
      const same = told.find((event) => event === given.event) ? [...told] : [given.event];
      const [first] = await tx
        .select()
        .from(trial)
        .where(
          and(
            eq(trial.model, model),
            eq(trial.delivery, delivery),
            eq(trial.number, given.number),
            inArray(trial.event, same),
          ),
        );
      if (!first) throw new Error(`Another trial of ${model}/${delivery} was chosen already`);
      return first;
    }
    const { number, event, parameters, value, reason } = added;
    await appendAudit(tx, {
      actor: 'perennial',
      action: `trial.${event}`,
      subject: `${model}/${delivery}`,
      detail: {
        trial: number,
        parameters,
        value,
        reason,
        artifact: added.artifact?.sha256 ?? null,
      },
    });
    return added;
  });
}

/** What the trials of a delivery told of a metric, by trial and step. Of a step that was trained again the newest word counts. */
export async function listTrialMetrics(
  db: Executor,
  { model, delivery }: DeliveryKey,
  metric: string,
): Promise<{ trial: number; step: number; value: number }[]> {
  const rows = await readRows(
    db,
    sql`SELECT DISTINCT ON (r.trial, m.step) r.trial, m.step, m.value
      FROM metric m JOIN training_run r USING (key)
      WHERE r.model = ${model} AND r.delivery = ${delivery} AND r.trial > 0 AND m.name = ${metric}
        AND m.value NOT IN ('NaN', 'Infinity', '-Infinity')
      ORDER BY r.trial, m.step, r.attempt DESC`,
  );
  return rows.map((row) => ({
    trial: Number(row.trial),
    step: Number(row.step),
    value: Number(row.value),
  }));
}

/** Names of the metrics that a trial told. */
export async function listTrialMetricNames(
  db: Executor,
  { model, delivery }: DeliveryKey,
  number: number,
): Promise<string[]> {
  const rows = await readRows(
    db,
    sql`SELECT DISTINCT m.name FROM metric m JOIN training_run r USING (key)
      WHERE r.model = ${model} AND r.delivery = ${delivery} AND r.trial = ${number} ORDER BY m.name`,
  );
  return rows.map((row) => String(row.name));
}
