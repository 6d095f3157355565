/** Population stability index of two sets of counts over the same cells; empty cells count half a row. */
export function populationStability(
  reference: readonly number[],
  current: readonly number[],
): number {
  const smooth = 0.5;
  const totalOf = (cells: readonly number[]): number =>
    cells.reduce((sum, each) => sum + each, 0) + smooth * cells.length;
  const [m, n] = [totalOf(reference), totalOf(current)];
  return reference.reduce((sum, count, cell) => {
    const p = (count + smooth) / m;
    const q = ((current[cell] ?? 0) + smooth) / n;
    return sum + (q - p) * Math.log(q / p);
  }, 0);
}
