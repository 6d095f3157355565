import type { DriftFinding } from '../contracts/drift.js';
import type { LabelledCounts, ReferenceProfile } from '../contracts/window-counts.js';
import { normalSf } from '../statistics/special.js';
import { severityOf } from './severity.js';

const alpha = 0.05;

/** The share of positive labels against the hold-out's, in standard deviations of one label; a shift of the root of `relevance` is allowed. */
export function judgeLabelRate(
  reference: ReferenceProfile,
  { rows, positives }: LabelledCounts,
  relevance: number,
): DriftFinding {
  const before = reference.positives / reference.rows;
  const now = positives / rows;
  const deviation = Math.sqrt(before * (1 - before));
  const shift = deviation === 0 ? 0 : Math.abs(now - before) / deviation;
  const error = Math.sqrt(1 / rows + 1 / reference.rows);
  const allowed = Math.sqrt(relevance);
  const p = Math.min(1, normalSf((shift - allowed) / error) + normalSf((shift + allowed) / error));
  const certain = Math.max(0, shift - 1.645 * error) ** 2;
  const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
  const drifted = p <= alpha;
  return {
    family: 'label',
    name: 'label',
    verdict: drifted ? 'fail' : 'pass',
    severity: drifted ? severityOf(certain) : 'none',
    psi: shift * shift,
    p,
    unseen: 0,
    rows,
    reason: `${percent(now)} of ${rows} labels are positive, ${percent(before)} were in the hold-out.`,
  };
}
