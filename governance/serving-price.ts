import { microsOf } from '../contracts/money.js';
import type { HourlyRate, PriceBook } from '../contracts/price-book.js';
import { rateFor } from './price.js';

/** What a gateway's processor time and memory cost, draw and stand for. */
export interface ServingRate {
  core: HourlyRate;
  gibibyte: HourlyRate;
}

/** Microseconds of a core, and MiB held times the milliseconds they were held. */
export interface ServingUse {
  processorMicros: number;
  mebibyteMillis: number;
}

/** What use has come to: `owed` in fractions of a micro-unit, so that no rounding adds up. */
export interface ServingBill {
  owed: bigint;
  millijoules: number;
  micrograms: number;
}

/** Fractions in which both uses come to whole numbers: a micro-unit for each microsecond of an hour, by 1,024 MiB. */
const fractions = 3_600_000_000n * 1_024n;

export const nothingOwed: ServingBill = { owed: 0n, millijoules: 0, micrograms: 0 };

export function servingRateOf(book: PriceBook): ServingRate {
  const { perHour, watts } = book;
  return {
    core: rateFor(book, { machines: microsOf(perHour.cpu), watts: watts.cpu }),
    gibibyte: rateFor(book, { machines: microsOf(perHour.memoryGiB), watts: watts.memoryGiB }),
  };
}

/** Adds what was used until `at` to a bill, all of it by the rate of that hour of the day. */
export function addUse(
  { owed, millijoules, micrograms }: ServingBill,
  { core, gibibyte }: ServingRate,
  { processorMicros, mebibyteMillis }: ServingUse,
  at: Date,
): ServingBill {
  const hour = at.getUTCHours();
  const drawn = (core.watts * processorMicros) / 1_000 + (gibibyte.watts * mebibyteMillis) / 1_024;
  return {
    owed:
      owed +
      BigInt(core.perHour[hour] ?? 0) * BigInt(processorMicros) * 1_024n +
      BigInt(gibibyte.perHour[hour] ?? 0) * BigInt(mebibyteMillis) * 1_000n,
    millijoules: millijoules + drawn,
    micrograms: micrograms + ((core.carbon[hour] ?? 0) * drawn) / 3_600,
  };
}

/** A bill in whole numbers, rounded down: never more than was spent. */
export function totalOf({ owed, millijoules, micrograms }: ServingBill) {
  return {
    amount: Number(owed / fractions),
    millijoules: Math.floor(millijoules),
    micrograms: Math.floor(micrograms),
  };
}
