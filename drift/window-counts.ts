import {
  latencyBounds,
  type Binning,
  type ReferenceProfile,
  type ValueCounts,
  type WindowCounts,
} from '../contracts/window-counts.js';

/** A value as a request carries it. */
export type CountedValue = number | string | null | undefined;

/** Counts what one arm answers in one window. Every call costs a few comparisons a feature and allocates nothing. */
export interface WindowCounter {
  countAnswer(answer: {
    values: Readonly<Record<string, CountedValue>>;
    score: number;
    latencyMicros: number;
  }): void;
  countError(latencyMicros: number): void;
  /** A copy of the counts so far; the counter goes on. */
  snapshot(): WindowCounts;
}

function cellsOf(binning: Binning): number {
  return (binning.type === 'number' ? binning.edges.length + 1 : binning.values.length) + 2;
}

export interface ValueCounter {
  /** The cell that a value falls in; contracts/window-counts tells their order. */
  cellOf(value: CountedValue): number;
  count(value: CountedValue): void;
  snapshot(): ValueCounts;
}

/** Number of bounds that are not above the value: bounds ascending. */
function binarySearch(bounds: readonly number[], value: number): number {
  let low = 0;
  let high = bounds.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (value < (bounds[middle] ?? Infinity)) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** Counts the values of one feature. */
export function createValueCounter(binning: Binning): ValueCounter {
  const cells = new Float64Array(cellsOf(binning));
  const missing = cells.length - 2;
  const unseen = cells.length - 1;
  let sum = 0;
  const snapshot = (): ValueCounts => ({ name: binning.name, cells: Array.from(cells), sum });

  if (binning.type === 'category') {
    const known = new Map(binning.values.map((value, index) => [value, index]));
    const cellOf = (value: CountedValue): number => {
      if (value === null || value === undefined) return missing;
      return typeof value === 'string' ? (known.get(value) ?? unseen) : unseen;
    };
    const count = (value: CountedValue): void => {
      const cell = cellOf(value);
      cells[cell] = (cells[cell] ?? 0) + 1;
    };
    return { cellOf, count, snapshot };
  }

  const { edges, low, high } = binning;
  const cellOf = (value: CountedValue): number => {
    if (value === null || value === undefined) return missing;
    if (typeof value !== 'number' || !Number.isFinite(value)) return unseen;
    return binarySearch(edges, value);
  };
  const count = (value: CountedValue): void => {
    const cell = cellOf(value);
    cells[cell] = (cells[cell] ?? 0) + 1;
    if (cell < missing) sum += Math.min(high, Math.max(low, value as number));
  };
  return { cellOf, count, snapshot };
}

/** Counts against the bins of one version's reference, so that any two windows of that version can be added up. */
export function createWindowCounter(reference: ReferenceProfile): WindowCounter {
  const features = reference.features.map((binning) => ({
    name: binning.name,
    counter: createValueCounter(binning),
  }));
  const score = createValueCounter(reference.score);
  const latency = new Float64Array(latencyBounds.length + 1);
  let requests = 0;
  let errors = 0;

  return {
    countAnswer({ values, score: answered, latencyMicros }) {
      requests += 1;
      const bin = binarySearch(latencyBounds, latencyMicros);
      latency[bin] = (latency[bin] ?? 0) + 1;
      for (const { name, counter } of features) counter.count(values[name]);
      score.count(answered);
    },
    // A failed answer has no place in the latency histogram: failing fast must not look like answering fast.
    countError() {
      requests += 1;
      errors += 1;
    },
    snapshot: () => ({
      requests,
      errors,
      latency: Array.from(latency),
      features: features.map(({ counter }) => counter.snapshot()),
      score: score.snapshot(),
    }),
  };
}

function addCells(a: readonly number[], b: readonly number[]): number[] {
  if (a.length !== b.length)
    throw new RangeError(`Cannot add counts of ${a.length} and ${b.length} cells`);
  return a.map((count, index) => count + (b[index] ?? 0));
}

function addValueCounts(a: ValueCounts, b: ValueCounts): ValueCounts {
  if (a.name !== b.name) throw new RangeError(`Cannot add counts of '${a.name}' and '${b.name}'`);
  return { name: a.name, cells: addCells(a.cells, b.cells), sum: a.sum + b.sum };
}

/** Adds two counts of the same version. Counts of versions with other bins cannot be added: RangeError. */
export function mergeWindowCounts(a: WindowCounts, b: WindowCounts): WindowCounts {
  if (a.features.length !== b.features.length)
    throw new RangeError(
      `Cannot add counts of ${a.features.length} and ${b.features.length} features`,
    );
  return {
    requests: a.requests + b.requests,
    errors: a.errors + b.errors,
    latency: addCells(a.latency, b.latency),
    features: a.features.map((each, index) => {
      const other = b.features[index];
      return other ? addValueCounts(each, other) : each;
    }),
    score: a.score && b.score ? addValueCounts(a.score, b.score) : (a.score ?? b.score),
  };
}
