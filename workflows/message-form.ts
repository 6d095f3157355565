/**
 * What a message must look like, by hand: schemas of zod would be made again in every cached workflow. Kept equal to the
 * contracts by a test. Each check throws a refusal with the catalogue's code INPUT_INVALID.
 */
import { ApplicationFailure } from '@temporalio/common';
import type { Decision } from '../contracts/approval.js';
import type { ErrorCode } from '../contracts/errors.js';
import type { ReleaseCommand } from '../contracts/release.js';
import type { Breach, DeliveryEnded, MonitorConfiguration } from '../contracts/monitor.js';

const principal = /^[a-z0-9][a-z0-9._:-]{0,63}$/;
const digest = /^[0-9a-f]{64}$/;
const longestReason = 2_000;

/** A refusal that the sender reads: only this kind of error fails an update, any other would fail the workflow task. */
export function refusal(code: ErrorCode, message: string): ApplicationFailure {
  return ApplicationFailure.nonRetryable(message, code);
}

export function decisionForm(message: unknown): Decision {
  const { vote, evidence, ...rest } = members(message, ['vote', 'by', 'reason', 'evidence']);
  if (vote !== 'approve' && vote !== 'reject' && vote !== 'cancel')
    throw refusal('INPUT_INVALID', `vote is ${shown(vote)}: use approve, reject or cancel.`);
  if (evidence !== undefined && !(typeof evidence === 'string' && digest.test(evidence)))
    throw refusal(
      'INPUT_INVALID',
      `evidence is ${shown(evidence)}: it is a sha256 of 64 hex digits.`,
    );
  const decision: Decision = { vote, by: principalOf(rest.by), reason: reasonOf(rest.reason) };
  return evidence === undefined ? decision : { ...decision, evidence };
}

export function commandForm(message: unknown): ReleaseCommand {
  const { by, reason } = members(message, ['by', 'reason']);
  return { by: principalOf(by), reason: reasonOf(reason) };
}

export function breachForm(message: unknown): Breach {
  return { reason: reasonOf(members(message ?? {}, ['reason']).reason) };
}

export function configurationForm(message: unknown): MonitorConfiguration {
  const { every, by, reason } = members(message, ['every', 'by', 'reason']);
  if (every !== null && !(typeof every === 'number' && Number.isFinite(every) && every >= 100))
    throw refusal(
      'INPUT_INVALID',
      `every is ${shown(every)}: give milliseconds, at least 100, or null to follow the spec.`,
    );
  return by === undefined ? { every } : { every, by: principalOf(by), reason: reasonOf(reason) };
}

export function deliveryEndedForm(message: unknown): DeliveryEnded {
  const { delivery, outcome } = members(message, ['delivery', 'outcome']);
  if (typeof delivery !== 'number' || typeof outcome !== 'string')
    throw refusal('INPUT_INVALID', 'deliveryEnded takes { delivery, outcome }.');
  return { delivery, outcome: outcome as DeliveryEnded['outcome'] };
}

function members(message: unknown, known: string[]): Record<string, unknown> {
  if (typeof message !== 'object' || message === null || Array.isArray(message))
    throw refusal(
      'INPUT_INVALID',
      `The message is ${shown(message)}: send one object with ${known.join(', ')}.`,
    );
  const unknown = Object.keys(message).filter((name) => !known.includes(name));
  if (unknown.length > 0)
    throw refusal(
      'INPUT_INVALID',
      `There is no ${unknown.join(', ')} in this message: it takes ${known.join(', ')}.`,
    );
  return { ...message };
}

function principalOf(value: unknown): string {
  if (typeof value === 'string' && principal.test(value)) return value;
  throw refusal(
    'INPUT_INVALID',
    `by is ${shown(value)}: name who acts with 1-64 lower-case letters, digits, dots, dashes, underscores, colons.`,
  );
}

function reasonOf(value: unknown): string {
  if (value === undefined) return '';
  if (typeof value === 'string' && value.length <= longestReason) return value;
  throw refusal('INPUT_INVALID', `reason is a text of at most ${longestReason} characters.`);
}

function shown(value: unknown): string {
  try {
    return (JSON.stringify(value) ?? 'missing').slice(0, 80);
  } catch {
    // Nested so deeply that writing it out exhausts the stack.
    return 'beyond reading';
  }
}
