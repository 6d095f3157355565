import type { DriftReport } from '../contracts/drift.js';
import type { DriftSummary } from '../contracts/monitor.js';

/** Of a check where no champion is. */
export function noChampionYet(check: number): DriftSummary {
  return {
    check,
    verdict: 'inconclusive',
    severity: 'none',
    score: 0,
    rows: 0,
    reason: 'There is no champion yet.',
  };
}

/** A report in the words that monitors and people are told. */
export function summaryOf(report: DriftReport): DriftSummary {
  const { check, verdict, severity, score, rows, decision } = report;
  const { action, reason } = decision;
  const seen = seenInWords(report);
  return {
    check,
    verdict,
    severity,
    score,
    rows,
    reason: action === 'none' ? seen : `${seen} ${action}: ${reason}`,
  };
}

function seenInWords({ rows, score, findings, performance }: DriftReport): string {
  const inputs = findings.some(({ family }) => family === 'input')
    ? `${rows} rows, PSI ${score.toFixed(3)}.`
    : `Too few rows to judge: ${rows}.`;
  const loss = findings.find(({ family }) => family === 'performance');
  if (!loss || loss.verdict === 'inconclusive') return inputs;
  const excess = (performance.logLoss ?? 0) - (performance.expectedLogLoss ?? 0);
  return `${inputs} Log-loss on ${performance.rows} labels is ${excess.toFixed(3)} off the expected.`;
}
