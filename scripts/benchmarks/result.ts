import { comparePairs, type Pair } from './pairs.js';

/** What one benchmark found, as its line of JSON. `ratio` is ours / theirs: lower is better. */
export interface BenchResult {
  name: string;
  /** Name and version of what we are compared with; null where only a limit is to be kept. */
  peer: string | null;
  ours: number | null;
  theirs: number | null;
  ratio: number | null;
  unit: string;
  pairs: number;
  /** The largest `ratio` that is good enough, or the largest `ours` where there is no peer. */
  goal: number;
  /** Whether the goal is met; null when it was not measured. */
  ok: boolean | null;
  /** Smallest and largest ratio of a pair. */
  range?: [number, number];
  /** The same operations by the clock, which a busy machine distorts. */
  wall?: { ours: number; theirs: number; ratio: number };
  /** Further figures, with their units in their names. */
  figures?: Record<string, number>;
  /** Why it was not measured. */
  skipped?: string;
}

/** What is known of a benchmark before it runs. */
export interface Question {
  name: string;
  peer: string | null;
  unit: string;
  goal: number;
}

export function comparedResult(
  question: Question,
  pairs: readonly Pair[],
  figures?: Record<string, number>,
): BenchResult {
  const { ours, theirs, ratio, range, wall } = comparePairs(pairs);
  return {
    ...question,
    ours,
    theirs,
    ratio,
    pairs: pairs.length,
    ok: ratio <= question.goal,
    range,
    wall,
    ...(figures && { figures }),
  };
}

/** A figure of ours that must stay under a limit. */
export function limitedResult(
  question: Question,
  ours: number,
  figures: Record<string, number> = {},
): BenchResult {
  return {
    ...question,
    ours,
    theirs: null,
    ratio: null,
    pairs: 0,
    ok: ours <= question.goal,
    figures,
  };
}

export function skippedResult(question: Question, reason: string): BenchResult {
  return {
    ...question,
    ours: null,
    theirs: null,
    ratio: null,
    pairs: 0,
    ok: null,
    skipped: reason,
  };
}
