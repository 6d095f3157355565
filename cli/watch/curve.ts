/** Dots of a braille character by column and row; together they are added to U+2800. */
const dots = [
  [0x01, 0x02, 0x04, 0x40],
  [0x08, 0x10, 0x20, 0x80],
] as const;
const acrossCell = 2;
const downCell = 4;

export interface Point {
  step: number;
  value: number;
}

/**
 * A curve of braille dots, two by four to the character: `height` rows of `width` characters, the highest value in the first row.
 * Neighbouring points are joined; a curve that does not move lies in the middle. No finite point gives no rows.
 */
export function drawCurve(
  points: Point[],
  { width, height }: { width: number; height: number },
): string[] {
  const finite = points.filter(({ value }) => Number.isFinite(value));
  if (finite.length === 0 || width < 1 || height < 1) return [];
  const columns = width * acrossCell;
  const rows = height * downCell;
  const across = scaleOf(
    finite.map(({ step }) => step),
    columns,
  );
  const up = scaleOf(
    finite.map(({ value }) => value),
    rows,
  );
  const cells = Array.from({ length: height }, () => Array<number>(width).fill(0));
  const mark = (column: number, row: number) => {
    const line = cells[Math.floor(row / downCell)];
    const at = Math.floor(column / acrossCell);
    const dot = dots[column % acrossCell === 0 ? 0 : 1][row % downCell] ?? 0;
    if (line) line[at] = (line[at] ?? 0) | dot;
  };
  let before: { column: number; row: number } | null = null;
  for (const { step, value } of finite) {
    const here = { column: across(step), row: rows - 1 - up(value) };
    for (const { column, row } of lineBetween(before ?? here, here)) mark(column, row);
    before = here;
  }
  return cells.map((line) => String.fromCodePoint(...line.map((cell) => 0x2800 + cell)));
}

/** The row or column of each value, 0 for the lowest; all the same value lies in the middle. */
function scaleOf(values: number[], size: number): (value: number) => number {
  const lowest = values.reduce((one, other) => Math.min(one, other));
  const highest = values.reduce((one, other) => Math.max(one, other));
  // Halves, for the difference of two large values may be endless.
  const range = highest / 2 - lowest / 2;
  if (range === 0) return () => Math.floor((size - 1) / 2);
  return (value) => Math.round(((value / 2 - lowest / 2) / range) * (size - 1));
}

/** Every dot from one to the other, without a gap. */
function* lineBetween(from: { column: number; row: number }, to: { column: number; row: number }) {
  const far = Math.max(Math.abs(to.column - from.column), Math.abs(to.row - from.row), 1);
  for (let at = 0; at <= far; at += 1)
    yield {
      column: Math.round(from.column + ((to.column - from.column) * at) / far),
      row: Math.round(from.row + ((to.row - from.row) * at) / far),
    };
}
