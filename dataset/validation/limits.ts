import type { QualityRule } from '../../contracts/contract.js';

const operators = {
  mustBe: { words: 'must be', holds: (value: number, limit: number) => value === limit },
  mustNotBe: { words: 'must not be', holds: (value: number, limit: number) => value !== limit },
  mustBeGreaterThan: {
    words: 'must be above',
    holds: (value: number, limit: number) => value > limit,
  },
  mustBeGreaterOrEqualTo: {
    words: 'must be at least',
    holds: (value: number, limit: number) => value >= limit,
  },
  mustBeLessThan: {
    words: 'must be below',
    holds: (value: number, limit: number) => value < limit,
  },
  mustBeLessOrEqualTo: {
    words: 'must be at most',
    holds: (value: number, limit: number) => value <= limit,
  },
} as const;

type Operator = keyof typeof operators;
export type Limits = Partial<Record<Operator, number>> & { mustBeBetween?: [number, number] };

export interface LimitVerdict {
  holds: boolean;
  /** The limit that decided, for the finding. */
  bound: number;
  words: string;
}

/** The limits of a rule, or null when it has none. */
export function limitsOf(rule: QualityRule): Limits | null {
  const limits: Limits = {};
  for (const name of Object.keys(operators) as Operator[]) {
    const limit = rule[name];
    if (limit !== undefined) limits[name] = limit;
  }
  if (rule.mustBeBetween) limits.mustBeBetween = rule.mustBeBetween;
  return Object.keys(limits).length > 0 ? limits : null;
}

/** Judges a value by limits that must all hold: by the first one that is broken, else by the first one. */
export function judgeLimits(value: number, limits: Limits): LimitVerdict {
  const verdicts = (Object.keys(operators) as Operator[]).flatMap((name) => {
    const limit = limits[name];
    if (limit === undefined) return [];
    const { words, holds } = operators[name];
    return [{ holds: holds(value, limit), bound: limit, words: `it ${words} ${limit}` }];
  });
  if (limits.mustBeBetween) {
    const [low, high] = limits.mustBeBetween;
    verdicts.push({
      holds: value >= low && value <= high,
      bound: value < low ? low : high,
      words: `it must be between ${low} and ${high}`,
    });
  }
  const deciding = verdicts.find((each) => !each.holds) ?? verdicts[0];
  return deciding ?? { holds: true, bound: value, words: 'it has no limit' };
}
