/** The rows of one value of a category feature. */
export interface Slice {
  feature: string;
  value: string;
  labels: Uint8Array;
  challenger: Float64Array;
  champion: Float64Array | null;
}

/** Values kept of one feature, most frequent first: reports stay readable. */
const valuesKept = 200;

/** Splits the hold-out by each value of the named category features. */
export function cutSlices(
  features: readonly string[],
  {
    columns,
    labels,
    challenger,
    champion,
  }: {
    columns: Readonly<Record<string, Float32Array | string[]>>;
    labels: Uint8Array;
    challenger: Float64Array;
    champion: Float64Array | null;
  },
): Slice[] {
  return features.flatMap((feature) => {
    const column = columns[feature];
    if (!Array.isArray(column)) return [];
    return rowsByValue(column).map(([value, rows]) => ({
      feature,
      value,
      labels: Uint8Array.from(rows, (row) => labels[row] ?? 0),
      challenger: Float64Array.from(rows, (row) => challenger[row] ?? 0),
      champion: champion && Float64Array.from(rows, (row) => champion[row] ?? 0),
    }));
  });
}

function rowsByValue(column: readonly string[]): [value: string, rows: number[]][] {
  const byValue = new Map<string, number[]>();
  column.forEach((value, row) => {
    const rows = byValue.get(value);
    if (rows) rows.push(row);
    else byValue.set(value, [row]);
  });
  return [...byValue]
    .toSorted(([a, rowsOfA], [b, rowsOfB]) => rowsOfB.length - rowsOfA.length || (a < b ? -1 : 1))
    .slice(0, valuesKept);
}
