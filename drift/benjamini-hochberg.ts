/** P-values adjusted for the false discovery rate over all of them, in the order given. */
export function adjustByBenjaminiHochberg(pValues: readonly number[]): number[] {
  const order = [...pValues.keys()].toSorted((a, b) => (pValues[b] ?? 0) - (pValues[a] ?? 0));
  const adjusted = pValues.map(() => 1);
  let smallest = 1;
  for (const [at, index] of order.entries()) {
    const rank = pValues.length - at;
    smallest = Math.min(smallest, ((pValues[index] ?? 1) * pValues.length) / rank);
    adjusted[index] = smallest;
  }
  return adjusted;
}
