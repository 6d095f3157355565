import type { Binning, ValueCounts } from '../contracts/window-counts.js';

/** Two sets of counts over the same cells, those of missing and unseen values taken aside. */
export interface ComparedCells {
  reference: number[];
  current: number[];
  /** Rows that were missing or unseen. */
  strange: { reference: number; current: number };
}

/**
 * Cells large enough to be compared, chosen by the reference and the number of rows alone: never by what the current rows look
 * like, which would make the test find what it was cut for.
 */
export function comparableCells(
  binning: Binning,
  reference: ValueCounts,
  current: ValueCounts,
): ComparedCells {
  const regular = reference.cells.length - 2;
  const [r, c] = [reference.cells.slice(0, regular), current.cells.slice(0, regular)];
  const strange = {
    reference: sum(reference.cells.slice(-2)),
    current: sum(current.cells.slice(-2)),
  };
  const rows = sum(c);
  const groups = binning.type === 'number' ? neighbours(r, rows) : frequentCategories(r, rows);
  const gather = (cells: readonly number[]): number[] =>
    groups.map((group) => group.reduce((total, cell) => total + (cells[cell] ?? 0), 0));
  return { reference: gather(r), current: gather(c), strange };
}

/** Neighbouring bins joined until each has its part of the reference: ten at most, three at least, fifteen rows a bin. */
function neighbours(reference: readonly number[], rows: number): number[][] {
  const many = rows >= 500 ? reference.length : Math.min(10, Math.max(3, Math.floor(rows / 15)));
  if (many >= reference.length) return reference.map((_, cell) => [cell]);
  const part = sum(reference) / many;
  const groups: number[][] = [];
  let group: number[] = [];
  let seen = 0;
  for (const [cell, count] of reference.entries()) {
    group.push(cell);
    seen += count;
    if (seen >= part * (groups.length + 1) * 0.999) {
      groups.push(group);
      group = [];
    }
  }
  const last = groups.at(-1);
  if (group.length > 0 && last) last.push(...group);
  return groups.length > 0 ? groups : [group];
}

/** Categories of which five rows are to be expected stand alone, the rest together. */
function frequentCategories(reference: readonly number[], rows: number): number[][] {
  const total = Math.max(1, sum(reference));
  const frequent: number[][] = [];
  const rare: number[] = [];
  for (const [cell, count] of reference.entries()) {
    if ((rows * count) / total >= 5) frequent.push([cell]);
    else rare.push(cell);
  }
  return rare.length > 0 ? [...frequent, rare] : frequent;
}

export function sum(cells: readonly number[]): number {
  return cells.reduce((total, each) => total + each, 0);
}
