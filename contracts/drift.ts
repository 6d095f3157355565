import { z } from 'zod';
import { durationPattern, milliseconds } from './duration.js';
import { duration, instant, modelName, principalId, timeWindow } from './names.js';
import { trigger } from './delivery.js';
import { verdict } from './verdict.js';

export const severity = z.enum(['none', 'minor', 'moderate', 'major']);
export type Severity = z.infer<typeof severity>;

/** One value compared with the reference. `p` is adjusted over the features of its family (Benjamini-Hochberg). */
export const driftFinding = z.strictObject({
  family: z.enum(['input', 'prediction', 'label', 'performance']),
  name: z.string(),
  verdict,
  severity,
  /** Population stability index against the reference; null where it does not apply. */
  psi: z.number().nullable(),
  p: z.number().nullable(),
  /** Share of rows that were unseen or missing. */
  unseen: z.number(),
  rows: z.int().nonnegative(),
  reason: z.string(),
});
export type DriftFinding = z.infer<typeof driftFinding>;

/** Predicted against realised on the rows whose label came. */
export const performance = z.strictObject({
  rows: z.int().nonnegative(),
  positives: z.int().nonnegative(),
  meanScore: z.number().nullable(),
  logLoss: z.number().nullable(),
  /** Log-loss that a model with the reference's skill would show at this base rate: never alarm on raw log-loss. */
  expectedLogLoss: z.number().nullable(),
  /** Lower and upper bound of logLoss - expectedLogLoss. */
  lower: z.number().nullable(),
  upper: z.number().nullable(),
});
export type Performance = z.infer<typeof performance>;

export const retrainingDecision = z.strictObject({
  action: z.enum(['none', 'retrain', 'hold']),
  trigger: trigger.nullable(),
  /** What was weighed, in sentences with numbers. */
  reason: z.string(),
});
export type RetrainingDecision = z.infer<typeof retrainingDecision>;

/** What the next check goes on from. */
export const driftMemory = z.strictObject({
  /** The activity that made the report: its repetition finds it again. */
  asked: z.string(),
  /** Window counts and labels stored up to here have been weighed; null while none have. */
  countsUntil: z.string().nullable(),
  labelsUntil: z.string().nullable(),
  /** Detectors that run over the checks of one version: an alarm at 1,000 comes once in 1,000 quiet checks. */
  drift: z.number(),
  performance: z.array(z.number()),
  /** An alarm that stands: it is weighed again until a check with enough rows takes it back. */
  standing: z.strictObject({ trigger, reason: z.string() }).nullable(),
  retrainingWindow: timeWindow.nullable(),
});
export type DriftMemory = z.infer<typeof driftMemory>;

export const driftReport = z.strictObject({
  schemaVersion: z.literal(1),
  model: modelName,
  version: z.int().positive(),
  check: z.int().positive(),
  /** Event time that was looked at. */
  window: timeWindow.nullable(),
  rows: z.int().nonnegative(),
  verdict,
  severity,
  /** Largest PSI among the inputs: what the search attribute shows. */
  score: z.number(),
  findings: z.array(driftFinding),
  performance,
  decision: retrainingDecision,
  memory: driftMemory.nullable().default(null),
  at: instant,
});
export type DriftReport = z.infer<typeof driftReport>;

/** What is no length of time at all has been refused as such. */
function isInterval(text: string): boolean {
  if (!durationPattern.test(text)) return true;
  const length = milliseconds(text);
  return length >= 1_000 && length <= 366 * 86_400_000;
}

/** Message of `configure` at the API: another interval between checks than the spec says; null goes back to the spec's. */
export const monitorConfiguration = z.strictObject({
  by: principalId,
  reason: z.string().max(2_000).default(''),
  every: duration.refine(isInterval, 'give 1s to 366d').nullable(),
});
export type MonitorConfigurationRequest = z.input<typeof monitorConfiguration>;

export const monitorView = z.strictObject({
  model: modelName,
  status: z.enum(['checking', 'waiting', 'paused', 'retired']),
  paused: z.boolean(),
  /** Milliseconds between two checks, and those that a person set in place of the spec's. */
  every: z.number().positive(),
  everyOverride: z.number().positive().nullable(),
  checks: z.int().nonnegative(),
  nextCheckAt: instant.nullable(),
  lastReport: driftReport.nullable(),
  retrainings: z.int().nonnegative(),
});
export type MonitorView = z.infer<typeof monitorView>;
