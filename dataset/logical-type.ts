import type { DataContract } from '../contracts/contract.js';

type Property = NonNullable<DataContract['schema'][number]>['properties'][number];
export type LogicalType = Property['logicalType'];

/** DuckDB's type for each logical type of a contract. */
export const physicalType: Record<LogicalType, string> = {
  string: 'VARCHAR',
  date: 'DATE',
  timestamp: 'TIMESTAMP',
  number: 'DOUBLE',
  integer: 'BIGINT',
  boolean: 'BOOLEAN',
};

const integers = /^U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?$/;
const floats = /^(FLOAT|DOUBLE)$/;

const fits: Record<LogicalType, RegExp> = {
  string: /^(VARCHAR|UUID|ENUM\b.*)$/,
  date: /^DATE$/,
  timestamp: /^TIMESTAMP/,
  number: new RegExp(`${integers.source}|${floats.source}|^DECIMAL`),
  integer: integers,
  boolean: /^BOOLEAN$/,
};

/**
 * Whether a column of this type keeps the promise: in every row, in none, or to be looked at row by row (text and floating point may or
 * may not hold a number).
 */
export function typeFit(logical: LogicalType, physical: string): 'always' | 'by-row' | 'never' {
  if (floats.test(physical) && (logical === 'number' || logical === 'integer')) return 'by-row';
  if (fits[logical].test(physical)) return 'always';
  if (physical === 'VARCHAR') return 'by-row';
  return 'never';
}
