import type { MetricName } from '../contracts/spec.js';

/** Metrics and numbers as people read them. */
export const metricWords: Record<MetricName, string> = {
  roc_auc: 'ROC-AUC',
  log_loss: 'log loss',
  brier: 'Brier score',
  calibration_error: 'calibration error',
};

export function inWords(value: number): string {
  return value.toFixed(4).replace(/^-(0\.0+)$/, '$1');
}

export function countInWords(rows: number): string {
  return rows.toLocaleString('en-US');
}
