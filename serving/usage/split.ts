/**
 * Parts of a whole number in proportion to weights, evenly where all weigh nothing: whole numbers that sum up to it exactly, each less than
 * one off its share.
 */
export function shareOut(total: number, weights: readonly number[]): number[] {
  const sum = weights.reduce((one, other) => one + other, 0);
  if (sum === 0 && weights.length > 0)
    return shareOut(
      total,
      weights.map(() => 1),
    );
  let weighed = 0;
  let given = 0;
  return weights.map((weight, index) => {
    weighed += weight;
    const upTo = index === weights.length - 1 ? total : Math.floor((total * weighed) / sum);
    const part = upTo - given;
    given = upTo;
    return part;
  });
}
