import type { Arena } from '../arena.js';
import type { Line } from './ledger.js';
import type { Stepping } from './stepping.js';
import { judgeEnds, keptAround, runsOf, type Run } from './runs.js';

/**
 * What is wrong after a training of countable steps, a sentence each; empty when it went as if nothing had happened. Where no machine was
 * lost (`lossless`), none of its checkpoints may be.
 */
export async function reckonStepping(
  arena: Arena,
  { model, steps, ledger }: Stepping,
  { lossless }: { lossless: boolean },
): Promise<string[]> {
  const runs = await runsOf(arena, model);
  const lines = await ledger();
  return [
    ...judgeLedger(lines, runs, { steps, lossless }),
    ...(lossless ? judgeKept(lines, runs) : []),
    ...(await judgeEnds(arena, runs)),
  ];
}

/**
 * A trainer goes on right behind the newest kept checkpoint, so no step runs again but those behind it. An attempt is started once, but
 * for one whose machine was lost before anybody had seen it run.
 */
function judgeLedger(
  lines: readonly Line[],
  runs: readonly Run[],
  { steps, lossless }: { steps: number; lossless: boolean },
): string[] {
  const problems: string[] = [];
  for (const { attempt } of runs) {
    const lives = livesOf(lines.filter((line) => line.attempt === attempt));
    if (lossless && lives.length > 1)
      problems.push(`attempt ${attempt} was started ${lives.length} times`);
    const { before, own } = keptAround(runs, attempt);
    for (const [at, { after, ran }] of lives.entries()) {
      const most = at === 0 ? before : own;
      if (after < before || after > most)
        problems.push(`attempt ${attempt} began after step ${after}; kept was step ${most}`);
      if (ran.some((step, index) => step !== after + 1 + index))
        problems.push(`attempt ${attempt} ran its steps out of order: ${ran.join(' ')}`);
    }
  }
  const all = lines.filter(({ word }) => word === 'step').map(({ step }) => step);
  const missing = Array.from({ length: steps }, (_, at) => at + 1).filter((n) => !all.includes(n));
  if (missing.length > 0) problems.push(`steps ${missing.join(' ')} never ran`);
  if (runs.some(({ kept }) => kept > 0 && !all.includes(kept)))
    problems.push('a checkpoint was kept of a step that never ran');
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
