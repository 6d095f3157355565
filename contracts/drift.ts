import { z } from 'zod';
import { instant, modelName, timeWindow } from './names.js';
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

export const monitorView = z.strictObject({
  model: modelName,
  paused: z.boolean(),
  checks: z.int().nonnegative(),
  nextCheckAt: instant.nullable(),
  lastReport: driftReport.nullable(),
  retrainings: z.int().nonnegative(),
});
export type MonitorView = z.infer<typeof monitorView>;
