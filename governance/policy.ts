import { Environment } from '@marcbachmann/cel-js';
import { PerennialError } from '../contracts/errors.js';
import type { Trigger } from '../contracts/delivery.js';
import type { MetricValues } from '../contracts/evaluation.js';
import type { Verdict } from '../contracts/verdict.js';

/** What an expression may ask: `candidate.roc_auc`, `champion == null`, `evaluation.verdict`, `trigger`. */
export interface PolicyInput {
  candidate: MetricValues & { version: number };
  /** Null before the first promotion. */
  champion: (MetricValues & { version: number }) | null;
  evaluation: { verdict: Verdict; rows: number };
  trigger: Trigger;
}

export interface PolicyDecision {
  result: boolean;
  reason: string;
}

export const policyEngine = 'cel';

const language = new Environment({ limits: { maxAstNodes: 1_000, maxDepth: 50 } })
  .registerVariable('candidate', 'dyn')
  .registerVariable('champion', 'dyn')
  .registerVariable('evaluation', 'dyn')
  .registerVariable('trigger', 'string');

const sampleMetrics = { roc_auc: 0.7, log_loss: 0.5, brier: 0.2, calibration_error: 0.02 };
const sample: PolicyInput = {
  candidate: { version: 2, ...sampleMetrics },
  champion: { version: 1, ...sampleMetrics },
  evaluation: { verdict: 'pass', rows: 10_000 },
  trigger: 'manual',
};

/**
 * Throws POLICY_INVALID unless a CEL expression parses, names only what there is and gives true or false. It is tried on a sample
 * too: a misspelt field or a sum of a double and an integer shows only there.
 */
export function checkExpression(expression: string): void {
  const checked = language.check(expression);
  if (!checked.valid) throw invalid(expression, checked.error);
  let result: unknown;
  try {
    result = language.evaluate(expression, sample);
  } catch (error) {
    throw invalid(expression, error);
  }
  if (typeof result !== 'boolean') {
    throw new PerennialError(
      'POLICY_INVALID',
      `'${expression}' gives a ${typeof result}, not true or false.`,
    );
  }
}

/** Decides by a CEL expression. Anything but a plain true is a no: an expression that fails denies and says why. */
export function decideByPolicy(expression: string, input: PolicyInput): PolicyDecision {
  try {
    const result: unknown = language.evaluate(expression, input);
    if (typeof result === 'boolean') return { result, reason: `'${expression}' is ${result}.` };
    return {
      result: false,
      reason: `'${expression}' gives a ${typeof result}, not true or false.`,
    };
  } catch (error) {
    return { result: false, reason: `'${expression}' could not be decided: ${firstLine(error)}.` };
  }
}

function invalid(expression: string, error: unknown): PerennialError {
  return new PerennialError('POLICY_INVALID', `'${expression}': ${firstLine(error)}.`);
}

/** The engine draws a picture of the place below the first line. */
function firstLine(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return (message.split('\n')[0] ?? '').trim().replace(/\.$/, '');
}
