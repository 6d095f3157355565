import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import type pg from 'pg';
import { z } from 'zod';
import type { DeliveryView } from '../../contracts/delivery.js';
import { workflowTypes } from '../../contracts/messages.js';

export interface Figures {
  ok: boolean;
  seconds: number;
  deliveries: number;
  retrainings: number;
  promoted: number;
  rolledBack: number;
  quarantinedRows: number;
  predictions: number;
  lost: number;
  historyEvents: Record<string, number>;
  stages: Record<string, number>;
}

const countRow = z.object({ n: z.coerce.number() });

/** One number from the database. */
async function count(pool: pg.Pool, text: string, values: unknown[]): Promise<number> {
  const { rows } = await pool.query(text, values);
  return countRow.parse(rows[0]).n;
}

/** Longest history of any run, by workflow type, from the server itself. */
async function longestHistories(client: Client): Promise<Record<string, number>> {
  const longest: Record<string, number> = {};
  const types: string[] = Object.values(workflowTypes);
  for await (const run of client.workflow.list()) {
    if (!types.includes(run.type)) continue;
    // The list knows the length of ended runs only.
    const { historyLength } = await client.workflow.getHandle(run.workflowId, run.runId).describe();
    longest[run.type] = Math.max(longest[run.type] ?? 0, historyLength);
  }
  return longest;
}

/** Waits until the gateway's journal has reached the database, then counts what was answered and is in neither the log nor the count of drops. */
async function countLost(
  pool: pg.Pool,
  model: string,
  asked: number,
): Promise<{ stored: number; lost: number }> {
  const deadline = performance.now() + 15_000;
  for (;;) {
    const stored = await count(pool, 'SELECT count(*) AS n FROM prediction WHERE model = $1', [
      model,
    ]);
    const dropped = await count(
      pool,
      'SELECT coalesce(sum(dropped), 0) AS n FROM gateway_mark',
      [],
    );
    const lost = asked - stored - dropped;
    if (lost <= 0 || performance.now() > deadline) return { stored, lost };
    await sleep(200);
  }
}

/** What happened, in numbers read back from PostgreSQL and Temporal rather than from the story's own memory. */
export async function gatherFigures({
  pool,
  client,
  model,
  deliveries,
  asked,
  seconds,
}: {
  pool: pg.Pool;
  client: Client;
  model: string;
  deliveries: DeliveryView[];
  /** Requests that the gateway answered, with a prediction or with the model's own error. */
  asked: number;
  seconds: number;
}): Promise<Figures> {
  const { stored, lost } = await countLost(pool, model, asked);
  const quarantinedRows = await count(
    pool,
    'SELECT coalesce(sum(quarantined), 0) AS n FROM validation WHERE model = $1',
    [model],
  );
  const historyEvents = await longestHistories(client);
  const ended = (outcome: string) => deliveries.filter((each) => each.outcome === outcome).length;
  const retrainings = deliveries.filter((each) =>
    ['drift', 'performance', 'age'].includes(each.trigger),
  ).length;
  const stages: Record<string, number> = {};
  for (const [stage, spent] of deliveries.flatMap((each) => Object.entries(each.seconds))) {
    stages[stage] = Math.round(Math.max(stages[stage] ?? 0, spent) * 100) / 100;
  }
  const figures = {
    seconds: Math.round(seconds * 10) / 10,
    deliveries: deliveries.length,
    retrainings,
    promoted: ended('promoted'),
    rolledBack: ended('rolled-back'),
    quarantinedRows,
    predictions: stored,
    lost,
    historyEvents,
    stages,
  };
  const ok =
    figures.retrainings >= 1 &&
    figures.promoted >= 2 &&
    figures.rolledBack === 1 &&
    figures.quarantinedRows > 0 &&
    figures.lost === 0 &&
    (historyEvents['deliverModel'] ?? Infinity) <= 100;
  return { ok, ...figures };
}
