import { styleText } from 'node:util';
import { showControls } from './controls.js';

export type Style = 'bold' | 'dim' | 'green' | 'red' | 'yellow' | 'cyan';

/** Colour only where a person looks on. */
export function paint(
  style: Style,
  text: string,
  stream: NodeJS.WriteStream = process.stdout,
): string {
  const coloured = stream.isTTY && !process.env.NO_COLOR;
  return coloured ? styleText(style, text, { validateStream: false }) : text;
}

/** Prints for people: with nothing in it that moves the cursor or hides text, whoever wrote it. */
export function say(line = ''): void {
  process.stdout.write(`${showControls(line)}\n`);
}

/** The one JSON document of a command called with --json. */
export function sayJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
}

/** One of many, a line each. */
export function sayJsonLine(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

/** A table without borders; the last column is not padded. Says so where there are no rows. */
export function sayTable(
  head: string[],
  rows: (string | number | null)[][],
  nothing: string,
): void {
  if (rows.length === 0) return say(nothing);
  const cells = [head, ...rows.map((row) => row.map((cell) => oneLine(String(cell ?? '-'))))];
  const widths = head.map((_, column) =>
    Math.max(...cells.map((row) => (row[column] ?? '').length)),
  );
  for (const [index, row] of cells.entries()) {
    const line = row
      .map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column] ?? 0)))
      .join('  ');
    say(index === 0 ? paint('dim', line) : line);
  }
}

function oneLine(text: string): string {
  return text.replaceAll(/\s*[\r\n]+\s*/g, ' ');
}

export function paintVerdict(verdict: string): string {
  const styles: Record<string, Style> = {
    pass: 'green',
    promoted: 'green',
    approved: 'green',
    fail: 'red',
    error: 'red',
    failed: 'red',
    rejected: 'red',
    'rolled-back': 'red',
    inconclusive: 'yellow',
    open: 'yellow',
  };
  return paint(styles[verdict] ?? 'bold', verdict);
}

/** A number as people read it: four significant digits, a dash for nothing. */
export function number(value: number | null | undefined): string {
  if (value === null || value === undefined) return '-';
  return Number.isInteger(value) ? String(value) : Number(value.toPrecision(4)).toString();
}

export function ago(instant: string, now: Date = new Date()): string {
  const seconds = Math.max(0, Math.round((now.getTime() - Date.parse(instant)) / 1_000));
  if (seconds < 120) return `${seconds} s ago`;
  if (seconds < 7_200) return `${Math.round(seconds / 60)} min ago`;
  if (seconds < 172_800) return `${Math.round(seconds / 3_600)} h ago`;
  return `${Math.round(seconds / 86_400)} d ago`;
}
