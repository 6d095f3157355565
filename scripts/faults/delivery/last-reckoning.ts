import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from '@temporalio/worker';
import { firstBrokenAuditEntry } from '../../../db/audit.js';
import { prepareBundle } from '../../../workers/bundle.js';
import type { Arena } from '../arena.js';
import { findByCommand } from '../family.js';
import type { Lane } from './lane.js';
import { patiently } from '../patience.js';

export interface LastReckoning {
  problems: string[];
  answered: number;
  stored: number;
  dropped: number;
  replayed: number;
}

/** What can only be counted when all is quiet: answered predictions, the audit chain, workflows and their histories, what still runs. */
export async function reckonAtTheEnd(arena: Arena, lanes: readonly Lane[]): Promise<LastReckoning> {
  await Promise.all(lanes.map(({ traffic }) => traffic.stop()));
  const predictions = await reckonPredictions(arena, lanes);
  const histories = await replayAll(arena);
  const problems = [...predictions.problems, ...histories.problems];
  const broken = await patiently(() => firstBrokenAuditEntry(arena.database.db));
  if (broken !== null) problems.push(`the audit chain does not fit at entry ${broken}`);
  const trainers = await findByCommand('process/wrapper.py', arena.home);
  if (trainers.length > 0) problems.push(`${trainers.length} trainers still run`);
  const { answered, stored, dropped } = predictions;
  return { problems, answered, stored, dropped, replayed: histories.replayed };
}

async function reckonPredictions({ database: { pool } }: Arena, lanes: readonly Lane[]) {
  const answered = lanes.flatMap(({ traffic }) => [...traffic.answered]);
  const deadline = performance.now() + 60_000;
  for (;;) {
    const { rows } = await patiently(() =>
      pool.query<{ id: string; n: string }>(
        'SELECT id, count(*) AS n FROM prediction WHERE id = ANY($1) GROUP BY id',
        [answered],
      ),
    );
    const marks = await patiently(() =>
      pool.query<{ n: string }>('SELECT coalesce(sum(dropped), 0) AS n FROM gateway_mark'),
    );
    const dropped = Number(marks.rows[0]?.n);
    const lost = answered.length - rows.length - dropped;
    const doubled = rows.filter(({ n }) => Number(n) > 1).length;
    if ((lost > 0 || answered.length === 0) && performance.now() < deadline) {
      await sleep(250);
      continue;
    }
    const problems = [
      ...(answered.length === 0 ? ['nothing was answered at all'] : []),
      ...(lost > 0 ? [`${lost} answered predictions are lost`] : []),
      ...(doubled > 0 ? [`${doubled} answered predictions are stored twice`] : []),
    ];
    return { problems, answered: answered.length, stored: rows.length, dropped };
  }
}

/** Every closed run of a delivery, training or release, once more through today's workflows. */
async function replayAll({ temporal: { client }, home }: Arena) {
  const { codePath } = await prepareBundle(join(home, 'bundles'));
  const problems: string[] = [];
  const runs = new Map<string, number>();
  const closed = client.workflow.list({
    query: `WorkflowType IN ('deliverModel', 'trainModel', 'releaseModel')`,
  });
  const histories = closed.intoHistories({ concurrency: 4 });
  let replayed = 0;
  for await (const { workflowId, error } of Worker.runReplayHistories(
    { workflowBundle: { codePath } },
    histories,
  )) {
    replayed += 1;
    runs.set(workflowId, (runs.get(workflowId) ?? 0) + 1);
    if (error) problems.push(`the history of ${workflowId} does not replay: ${error.message}`);
  }
  for (const [id, count] of runs) {
    if (id.startsWith('train/') && count > 1) problems.push(`${id} ran ${count} times`);
  }
  return { problems, replayed };
}
