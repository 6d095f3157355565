import { access } from 'node:fs/promises';
import { join } from 'node:path';
import type { Arena } from './arena.js';
import { findByCommand } from './family.js';
import { patiently } from './patience.js';
import type { Line } from './ledger.js';
import type { Stepping } from './stepping.js';

interface Run {
  key: string;
  attempt: number;
  kind: string | null;
  /** The step that the newest kept checkpoint of this attempt or one before was written after. */
  kept: number;
}

/**
 * What is wrong after a training of countable steps, a sentence each; empty when it went as if nothing had happened. Where no machine was
 * lost (`lossless`), none of its checkpoints may be.
 */
export async function reckonTraining(
  arena: Arena,
  { model, steps, every, ledger }: Stepping,
  { lossless }: { lossless: boolean },
): Promise<string[]> {
  const runs = await runsOf(arena, model);
  const lines = await ledger();
  return [
    ...judgeLedger(lines, runs, { steps, every, lossless }),
    ...(lossless ? judgeKept(lines, runs) : []),
    ...judgeOutcomes(runs),
    ...(await findLeftovers(arena, runs)),
  ];
}

/**
 * A trainer goes on right behind the newest kept checkpoint, so no step runs again but those behind it. An attempt is started once, but
 * for one whose machine was lost before anybody had seen it run.
 */
function judgeLedger(
  lines: readonly Line[],
  runs: readonly Run[],
  { steps, every, lossless }: { steps: number; every: number; lossless: boolean },
): string[] {
  const problems: string[] = [];
  const keptBy = (attempt: number) => runs.find((run) => run.attempt === attempt)?.kept ?? 0;
  for (const { attempt } of runs) {
    const lives = livesOf(lines.filter((line) => line.attempt === attempt));
    if (lossless && lives.length > 1)
      problems.push(`attempt ${attempt} was started ${lives.length} times`);
    for (const [at, { after, ran }] of lives.entries()) {
      const most = at === 0 ? keptBy(attempt - 1) : keptBy(attempt);
      if (after < keptBy(attempt - 1) || after > most)
        problems.push(`attempt ${attempt} began after step ${after}; kept was step ${most}`);
      if (ran.some((step, index) => step !== after + 1 + index))
        problems.push(`attempt ${attempt} ran its steps out of order: ${ran.join(' ')}`);
    }
  }
  const all = lines.filter(({ word }) => word === 'step').map(({ step }) => step);
  const missing = Array.from({ length: steps }, (_, at) => at + 1).filter((n) => !all.includes(n));
  if (missing.length > 0) problems.push(`steps ${missing.join(' ')} never ran`);
  if (runs.some(({ kept }) => kept % every !== 0))
    problems.push('a checkpoint was kept that no step ended with');
  return problems;
}

/** One for each time that a trainer began: the step it began after, and those it ran. */
function livesOf(lines: readonly Line[]): { after: number; ran: number[] }[] {
  const lives: { after: number; ran: number[] }[] = [];
  for (const { word, step } of lines)
    if (word === 'began') lives.push({ after: step, ran: [] });
    else if (word === 'step') lives.at(-1)?.ran.push(step);
  return lives;
}

function judgeKept(lines: readonly Line[], runs: readonly Run[]): string[] {
  return runs
    .filter(({ kind }) => kind === 'retry')
    .flatMap(({ attempt, kept }) => {
      const saved = lines.findLast((line) => line.word === 'saved' && line.attempt <= attempt);
      const last = saved?.step ?? 0;
      return kept < last ? [`attempt ${attempt} saved step ${last}, but kept is ${kept}`] : [];
    });
}

function judgeOutcomes(runs: readonly Run[]): string[] {
  const open = runs.filter(({ kind }) => kind === null);
  const succeeded = runs.filter(({ kind }) => kind === 'succeeded');
  return [
    ...(open.length > 0 ? [`${open.length} attempts have no outcome`] : []),
    ...(succeeded.length === 1 ? [] : [`${succeeded.length} attempts succeeded`]),
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

async function runsOf({ database }: Arena, model: string): Promise<Run[]> {
  const text = `
    SELECT run.key, run.attempt, run.outcome ->> 'kind' AS kind, coalesce(max(substr(kept.name, 6)::int), 0) AS kept
    FROM training_run run
    LEFT JOIN training_run before ON before.model = run.model AND before.attempt <= run.attempt
    LEFT JOIN checkpoint kept ON kept.key = before.key
    WHERE run.model = $1 GROUP BY 1, 2, 3 ORDER BY 2`;
  const { rows } = await patiently(() => database.pool.query<Run>(text, [model]));
  return rows;
}
