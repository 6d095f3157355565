import type { Spent } from '../../contracts/cost.js';

const millijoulesPerKwh = 3.6e9;

export function kwhOf(millijoules: number): number {
  return millijoules / millijoulesPerKwh;
}

export function addSpent(one: Spent, other: Spent): Spent {
  return {
    amount: one.amount + other.amount,
    energyKwh: one.energyKwh + other.energyKwh,
    carbonGrams: one.carbonGrams + other.carbonGrams,
  };
}

/** Null where there were none. */
export function spreadOver(
  predictions: number,
  { amount, energyKwh, carbonGrams }: Spent,
): Spent | null {
  if (predictions === 0) return null;
  const share = 1_000 / predictions;
  return {
    amount: Math.round(amount * share),
    energyKwh: energyKwh * share,
    carbonGrams: carbonGrams * share,
  };
}
