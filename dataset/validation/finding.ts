import type { DataContract } from '../../contracts/contract.js';
import type { Finding } from '../../contracts/verdict.js';
import { maximumQuarantineShare } from '../contract.js';
import type { RowCountRule } from './contract-sql.js';
import { judgeLimits } from './limits.js';
import type { RowCheck, Severity } from './row-check.js';

/** A finding with what the verdict needs to know of it: only those of severity `error` can fail a contract. */
export interface JudgedFinding {
  finding: Finding;
  severity: Severity;
}

const warning = 'This is a warning: the contract holds all the same.';

export function columnFinding(
  { name, reason }: { name: string; reason: string },
  rows: number,
): JudgedFinding {
  return judged('error', { name, holds: false, value: null, bound: null, rows, reason });
}

/** Bad rows of one check against the check's own limits; without any they are only counted, and their share is judged below. */
export function rowFinding(check: RowCheck, bad: number, rows: number): JudgedFinding {
  const value = check.unit === 'percent' ? (100 * bad) / rows : bad;
  const limit = check.limits && judgeLimits(value, check.limits);
  const reason = [
    `${count(bad)} of ${count(rows)} rows: ${check.complaint}.`,
    ...(limit
      ? [`That is ${check.unit === 'percent' ? percent(bad / rows) : count(bad)}; ${limit.words}.`]
      : []),
    ...(check.severity === 'error' && bad > 0 ? ['They are in quarantine.'] : []),
  ].join(' ');
  const { name, severity } = check;
  return judged(severity, {
    name,
    holds: limit?.holds ?? true,
    value,
    bound: limit?.bound ?? null,
    rows,
    reason,
  });
}

export function rowCountFinding(rule: RowCountRule, rows: number): JudgedFinding {
  const limit = judgeLimits(rows, rule.limits);
  return judged(rule.severity, {
    name: rule.name,
    holds: limit.holds,
    value: rows,
    bound: limit.bound,
    rows,
    reason: `There are ${count(rows)} rows; ${limit.words}.`,
  });
}

/** The share of rows in quarantine; a contract whose every row is bad fails whatever its limit says. */
export function quarantineFinding(
  contract: DataContract,
  bad: number,
  rows: number,
): JudgedFinding {
  const bound = maximumQuarantineShare(contract);
  const value = bad / rows;
  return judged('error', {
    name: 'quarantine',
    holds: value <= bound && bad < rows,
    value,
    bound,
    rows,
    reason: `${count(bad)} of ${count(rows)} rows (${percent(value)}) went to quarantine; at most ${percent(bound)} may.`,
  });
}

export function judged(
  severity: Severity,
  {
    holds,
    reason,
    ...rest
  }: { holds: boolean } & Pick<Finding, 'name' | 'value' | 'bound' | 'rows' | 'reason'>,
): JudgedFinding {
  return {
    severity,
    finding: {
      ...rest,
      verdict: holds ? 'pass' : 'fail',
      lower: null,
      upper: null,
      reason: severity === 'warning' && !holds ? `${reason} ${warning}` : reason,
    },
  };
}

function count(value: number): string {
  return value.toLocaleString('en-US');
}

function percent(share: number): string {
  return `${Number((100 * share).toPrecision(3))} %`;
}
