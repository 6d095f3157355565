import { access } from 'node:fs/promises';
import { join } from 'node:path';
import type { Arena } from '../arena.js';
import { findByCommand } from '../family.js';
import { patiently } from '../patience.js';

/** An attempt as the database has it. */
export interface Run {
  key: string;
  attempt: number;
  kind: string | null;
  /** The step that the newest kept checkpoint of this attempt or one before was written after. */
  kept: number;
}

export async function runsOf({ database }: Arena, model: string): Promise<Run[]> {
  const text = `
    SELECT run.key, run.attempt, run.outcome ->> 'kind' AS kind,
      coalesce(max(substring(kept.name FROM '\\d+$')::int), 0) AS kept
    FROM training_run run
    LEFT JOIN training_run before ON before.model = run.model AND before.attempt <= run.attempt
    LEFT JOIN checkpoint kept ON kept.key = before.key
    WHERE run.model = $1 GROUP BY 1, 2, 3 ORDER BY 2`;
  const { rows } = await patiently(() => database.pool.query<Run>(text, [model]));
  return rows;
}

/** Between these two an attempt begins: what was kept before it, and what is kept of it itself, should it have lost its machine. */
export function keptAround(runs: readonly Run[], attempt: number): { before: number; own: number } {
  const keptBy = (number: number) => runs.find((run) => run.attempt === number)?.kept ?? 0;
  return { before: keptBy(attempt - 1), own: keptBy(attempt) };
}

/** What is wrong with the ends of a training's attempts, and with what they left, a sentence each. */
export async function judgeEnds(arena: Arena, runs: readonly Run[]): Promise<string[]> {
  const open = runs.filter(({ kind }) => kind === null);
  const succeeded = runs.filter(({ kind }) => kind === 'succeeded');
  return [
    ...(open.length > 0 ? [`${open.length} attempts have no outcome`] : []),
    ...(succeeded.length === 1 ? [] : [`${succeeded.length} attempts succeeded`]),
    ...(await findLeftovers(arena, runs)),
  ];
}

async function findLeftovers({ home, engine }: Arena, runs: readonly Run[]): Promise<string[]> {
  const problems: string[] = [];
  for (const { key } of runs) {
    const folder = join(home, 'jobs', key);
    const alive = await findByCommand(folder);
    if (alive.length > 0) problems.push(`${key} left the processes ${alive.join(' ')}`);
    if (await engine?.has(key)) problems.push(`${key} left its container`);
    const left = await access(folder).then(
      () => true,
      () => false,
    );
    if (left) problems.push(`${key} left its folder`);
  }
  return problems;
}
