import type { ZodType } from 'zod';
import { durationPattern, milliseconds } from '../contracts/duration.js';
import { instant } from '../contracts/names.js';
import { UsageError } from './failure.js';

/** A number that counts something, from 1 on. */
export function wholeNumber(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1)
    throw new UsageError(`'${text}' is not a whole number from 1 on.`);
  return value;
}

/** An instant as it stands, or the one so long ago. */
export function instantOf(text: string): string {
  if (durationPattern.test(text)) return new Date(Date.now() - milliseconds(text)).toISOString();
  if (instant.safeParse(text).success) return text;
  throw new UsageError(
    `'${text}' is neither an instant such as 2026-01-31T12:00:00Z nor a length of time such as 15m.`,
  );
}

/** What the contract says of it, before any server is asked. */
export function readAs(contract: ZodType<string>): (text: string) => string {
  return (text) => {
    const { data, error } = contract.safeParse(text);
    if (data !== undefined) return data;
    throw new UsageError(`'${text}' is not ${error.issues[0]?.message}.`);
  };
}
