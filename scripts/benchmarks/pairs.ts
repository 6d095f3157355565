/** What a number of operations cost. */
export interface Measure {
  /** Seconds of processor time in every process that took part. */
  cpu: number;
  /** Seconds by the clock. */
  wall: number;
  operations: number;
}

export interface Pair {
  ours: Measure;
  theirs: Measure;
}

export interface Comparison {
  /** Medians, in milliseconds of processor time an operation. */
  ours: number;
  theirs: number;
  /** Median of the pairs' ratios: both halves of a pair met the same weather. */
  ratio: number;
  range: [number, number];
  wall: { ours: number; theirs: number; ratio: number };
}

/** Measures ours and theirs in turn, A B A B, so that what else the machine does meets both alike. */
export async function runPairs(
  count: number,
  sides: { ours: () => Promise<Measure>; theirs: () => Promise<Measure> },
): Promise<Pair[]> {
  const pairs: Pair[] = [];
  while (pairs.length < count) {
    const ours = await sides.ours();
    pairs.push({ ours, theirs: await sides.theirs() });
  }
  return pairs;
}

/** Throws RangeError where there is nothing to compare: no pair, no operation, or no cost at all. */
export function comparePairs(pairs: readonly Pair[]): Comparison {
  const of = (cost: 'cpu' | 'wall') => {
    const each = ({ operations, ...seconds }: Measure) => (1_000 * seconds[cost]) / operations;
    const ratios = pairs.map(({ ours, theirs }) => each(ours) / each(theirs));
    const unusable = ratios.find((ratio) => !Number.isFinite(ratio));
    if (unusable !== undefined) throw new RangeError(`A pair has the ratio ${unusable}`);
    return {
      ours: median(pairs.map(({ ours }) => each(ours))),
      theirs: median(pairs.map(({ theirs }) => each(theirs))),
      ratio: median(ratios),
      range: [Math.min(...ratios), Math.max(...ratios)] as [number, number],
    };
  };
  const { range: _, ...wall } = of('wall');
  return { ...of('cpu'), wall };
}

/** Throws RangeError where there is no value. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const upper = sorted[Math.floor(middle)];
  const lower = sorted[Math.ceil(middle) - 1];
  if (upper === undefined || lower === undefined)
    throw new RangeError('There is no median of nothing');
  return (lower + upper) / 2;
}
