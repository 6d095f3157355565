/** Shares of the reference below which an edge is wanted: ten bins of equal mass, and a bin of 1 % at each end. */
const wanted = [0.01, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.99];
/** A value that makes up this share of the rows by itself gets a bin of its own. */
const heavyAtom = 0.1;
/** A bin with less than this share of the rows is joined to its neighbour. */
const lightestBin = 0.004;

/**
 * Edges of bins for sorted, finite values. They lie half way between two values that occur, never on one: whole numbers that
 * move by less than half a step stay in their bin.
 */
export function equalMassEdges(sorted: Float32Array | Float64Array): number[] {
  const rows = sorted.length;
  if (rows === 0) return [];
  // cuts[i]: the rows below the i-th midpoint between neighbouring distinct values.
  const cuts: number[] = [];
  const kept = new Set<number>();
  let start = 0;
  for (let row = 1; row <= rows; row += 1) {
    if (row < rows && sorted[row] === sorted[row - 1]) continue;
    if (row - start >= heavyAtom * rows) {
      if (start > 0) kept.add(start);
      if (row < rows) kept.add(row);
    }
    if (row < rows) cuts.push(row);
    start = row;
  }
  for (const share of wanted) {
    const nearest = nearestTo(cuts, share * rows);
    if (nearest !== undefined) kept.add(nearest);
  }
  const edges: number[] = [];
  let below = 0;
  for (const cut of [...kept].toSorted((a, b) => a - b)) {
    if (cut - below < lightestBin * rows || rows - cut < lightestBin * rows) continue;
    edges.push(((sorted[cut - 1] ?? 0) + (sorted[cut] ?? 0)) / 2);
    below = cut;
  }
  return edges;
}

function nearestTo(ascending: readonly number[], target: number): number | undefined {
  let low = 0;
  let high = ascending.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((ascending[middle] ?? 0) < target) low = middle + 1;
    else high = middle;
  }
  const above = ascending[low];
  const below = ascending[low - 1];
  if (above === undefined || below === undefined) return above ?? below;
  return target - below <= above - target ? below : above;
}
