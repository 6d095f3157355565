import type { Feature } from '../../contracts/spec.js';
import type { ColumnProfile } from './column-profile.js';

/** What a person may say beforehand; the rest is guessed. */
export interface GuessHints {
  /** `column` of 0/1 or true/false, or `column=value`. */
  label?: string | undefined;
  time?: string | undefined;
  /** A column or SQL over the columns. */
  entity?: string | undefined;
  /** Columns that are no features. */
  without?: string[] | undefined;
}

/** What a file seems to be made for; each `why` is a reason in words, for the comments of the spec. */
export interface Guess {
  file: string;
  rows: number;
  /** Lines that do not fit the header. */
  rejected: number;
  timeColumn: string;
  /** `column` where it is one column alone. */
  entity: { expression: string; column: string | null; why: string };
  /** `share` of the rows whose label is true. */
  label: { expression: string; column: string; share: number };
  features: (Feature & { column: string; why: string })[];
  leftOut: { name: string; why: string }[];
  columns: ColumnProfile[];
}
