import { z } from 'zod';

/** Millionths of the currency's unit: whole numbers only, so that no sum depends on its order. */
export const micros = z.int().nonnegative();

const decimal = /^\d{1,9}(\.\d{1,6})?$/;

/** An amount as people write it, `0.045` or `"12"`: never negative, at most six decimals. Kept as text, for a number could not hold it. */
export const amount = z
  .union([z.string(), z.number().transform(String)])
  .pipe(z.string().regex(decimal, 'an amount such as 12 or 0.045, not negative, six decimals'));

const currencies = new Set(Intl.supportedValuesOf('currency'));

/** A currency by its ISO 4217 code. */
export const currency = z
  .string()
  .refine((code) => currencies.has(code), 'a currency by its ISO 4217 code, such as EUR');

/** Micro-units of an amount that its contract has accepted. */
export function microsOf(text: string): number {
  const [whole = '0', fraction = ''] = text.split('.');
  return Number(whole) * 1_000_000 + Number(fraction.padEnd(6, '0'));
}

/** Micro-units as people read them: at least two decimals, and no more than there is to tell. */
export function amountOf(value: number): string {
  const digits = String(Math.abs(value)).padStart(7, '0');
  const fraction = digits.slice(-6).replace(/0{1,4}$/, '');
  return `${value < 0 ? '-' : ''}${digits.slice(0, -6)}.${fraction}`;
}

/** What may be spent: at `soft` people are told, at `hard` trainings are stopped. */
export const limits = z
  .strictObject({ soft: amount.optional(), hard: amount.optional() })
  .refine(({ soft, hard }) => soft !== undefined || hard !== undefined, 'name soft, hard or both')
  .refine(
    ({ soft, hard }) =>
      soft === undefined || hard === undefined || microsOf(soft) <= microsOf(hard),
    'soft must not be above hard',
  );
