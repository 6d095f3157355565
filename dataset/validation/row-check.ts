import type { ErrorCode } from '../../contracts/errors.js';
import type { Limits } from './limits.js';

export type Severity = 'error' | 'warning';

/** What makes a row bad. */
export type RowQuestion =
  | {
      /** SQL that is true for a bad row. */
      broken: string;
      /** The one text column that the SQL looks at, where it is costly: it is asked of each word once then, not of each row. */
      wordsOf?: string;
    }
  | {
      /** The row holds the same in these columns as an earlier one. A null among them repeats nothing. */
      repeats: readonly string[];
    };

/** A question that each row answers. Rows that break one of severity `error` go to quarantine. */
export type RowCheck = RowQuestion & {
  name: string;
  severity: Severity;
  /** Why the row is bad, in words: `distance is missing`. */
  complaint: string;
  /** Limits on the bad rows' number or percentage; null leaves the judgement to the share of rows in quarantine. */
  limits: Limits | null;
  unit: 'rows' | 'percent';
  /** Where the SQL is a person's own: what to call it and the error's code when it cannot be computed. */
  written?: { what: string; code: ErrorCode };
};

/** A check that the contract's own limits leave to the quarantine share. */
export function quarantiningCheck(
  check: RowQuestion & Pick<RowCheck, 'name' | 'complaint' | 'written'>,
): RowCheck {
  return { ...check, severity: 'error', limits: null, unit: 'rows' };
}
