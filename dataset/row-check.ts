import type { ErrorCode } from '../contracts/errors.js';
import type { Limits } from './limits.js';

export type Severity = 'error' | 'warning';

/** A question that each row answers by itself. Rows that break one of severity `error` go to quarantine. */
export interface RowCheck {
  name: string;
  severity: Severity;
  /** SQL that is true for a bad row. */
  broken: string;
  /** Its SQL looks at other rows too. Such a check is asked in a scan that carries only its own columns: sorting whole rows is what costs. */
  acrossRows?: true;
  /** Why the row is bad, in words: `distance is missing`. */
  complaint: string;
  /** Limits on the bad rows' number or percentage; null leaves the judgement to the share of rows in quarantine. */
  limits: Limits | null;
  unit: 'rows' | 'percent';
  /** Where the SQL is a person's own: what to call it and the error's code when it cannot be computed. */
  written?: { what: string; code: ErrorCode };
}

/** A check that the contract's own limits leave to the quarantine share. */
export function quarantiningCheck(
  check: Pick<RowCheck, 'name' | 'broken' | 'acrossRows' | 'complaint' | 'written'>,
): RowCheck {
  return { ...check, severity: 'error', limits: null, unit: 'rows' };
}
