import type { Severity } from '../contracts/drift.js';

/** From the lower bound of the PSI-equivalent, never from its estimate: what is certain of the change. */
export function severityOf(lower: number): Severity {
  if (lower >= 0.1) return 'major';
  if (lower >= 0.01) return 'moderate';
  return lower >= 0.0025 ? 'minor' : 'none';
}

const order: readonly Severity[] = ['none', 'minor', 'moderate', 'major'];

export function atLeast(severity: Severity, floor: Severity): boolean {
  return order.indexOf(severity) >= order.indexOf(floor);
}

export function worstSeverity(all: readonly Severity[]): Severity {
  return all.reduce<Severity>((worst, each) => (atLeast(each, worst) ? each : worst), 'none');
}
