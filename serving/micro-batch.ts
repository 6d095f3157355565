import type { OnnxModel } from '../evaluation/onnx-model.js';
import type { Columns } from './infer-request.js';

/** Rows that are to be answered together or not at all. */
export interface BatchItem {
  rows: number;
  columns: Columns;
}

/** One score a row, or why the model has none. */
export type RowAnswer = { score: number } | { failure: string };

/** Puts items together into groups of at most `maximumRows`; a larger item is a group of its own. */
export function groupItems<Item extends BatchItem>(
  items: readonly Item[],
  maximumRows: number,
): Item[][] {
  const groups: Item[][] = [];
  let group: Item[] = [];
  let rows = 0;
  for (const item of items) {
    if (group.length > 0 && rows + item.rows > maximumRows) {
      groups.push(group);
      group = [];
      rows = 0;
    }
    group.push(item);
    rows += item.rows;
  }
  if (group.length > 0) groups.push(group);
  return groups;
}

/** Answers a group in one run; when that fails, row by row, so that one bad row fails alone. */
export async function answerGroup(
  model: OnnxModel,
  group: readonly BatchItem[],
): Promise<RowAnswer[][]> {
  const columns = joinColumns(model, group);
  const total = group.reduce((sum, { rows }) => sum + rows, 0);
  const answers =
    (await tryRun(model, columns, total)) ?? (await answerRows(model, columns, total));
  let at = 0;
  return group.map(({ rows }) => answers.slice(at, (at += rows)));
}

async function tryRun(
  model: OnnxModel,
  columns: Columns,
  rows: number,
): Promise<RowAnswer[] | undefined> {
  try {
    return Array.from(await model.run(columns), (score) => ({ score }));
  } catch (error) {
    return rows === 1 ? [{ failure: messageOf(error) }] : undefined;
  }
}

async function answerRows(model: OnnxModel, columns: Columns, rows: number): Promise<RowAnswer[]> {
  const answers: RowAnswer[] = [];
  for (let row = 0; row < rows; row += 1) {
    const single: Columns = {};
    for (const [name, column] of Object.entries(columns)) single[name] = column.slice(row, row + 1);
    answers.push(...((await tryRun(model, single, 1)) ?? []));
  }
  return answers;
}

function joinColumns(model: OnnxModel, group: readonly BatchItem[]): Columns {
  const [first] = group;
  if (first && group.length === 1) return first.columns;
  const joined: Columns = {};
  for (const { name, datatype } of model.inputs) {
    const parts = group.map(({ columns }) => columns[name] ?? []);
    joined[name] =
      datatype === 'BYTES' ? (parts as string[][]).flat() : joinNumbers(parts as Float32Array[]);
  }
  return joined;
}

function joinNumbers(parts: readonly Float32Array[]): Float32Array {
  const joined = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

function messageOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).slice(0, 500);
}
