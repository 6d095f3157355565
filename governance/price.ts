import { PerennialError } from '../contracts/errors.js';
import { microsOf } from '../contracts/money.js';
import type { HourlyRate, PriceBook } from '../contracts/price-book.js';
import { bytes, type Resources } from '../contracts/resources.js';

const hourMs = 3_600_000;
const gib = 2 ** 30;

/** What a training counts as where its spec does not say: one core and one GiB. */
const leastCpus = 1;
const leastMemory = '1Gi';

/** A training's share of a price book. Throws PRICE_BOOK_INVALID where its GPU class has no price: what runs unpriced passes every limit. */
export function rateOf(
  book: PriceBook,
  { resources, replicas }: { resources: Resources | undefined; replicas: number },
): HourlyRate {
  const cpus = resources?.cpus ?? leastCpus;
  const memory = bytes(resources?.memory ?? leastMemory) / gib;
  const gpus = resources?.gpus;
  const price = gpus ? book.perHour.gpus[gpus.class] : '0';
  if (price === undefined)
    throw new PerennialError(
      'PRICE_BOOK_INVALID',
      `The price book has no price for GPU class '${gpus?.class}'.`,
    );
  const sum = (cpu: number, memoryGiB: number, gpu: number): number =>
    replicas * (cpus * cpu + memory * memoryGiB + (gpus?.count ?? 0) * gpu);
  const { perHour, watts } = book;
  const gpuWatts = watts.gpus[gpus?.class ?? ''] ?? 0;
  return rateFor(book, {
    machines: sum(microsOf(perHour.cpu), microsOf(perHour.memoryGiB), microsOf(price)),
    watts: sum(watts.cpu, watts.memoryGiB, gpuWatts),
    gpuWatts: sum(0, 0, gpuWatts),
  });
}

/** What machines of this price an hour, in micro-units, and of these watts come to with the building's share and the price of electricity. */
export function rateFor(
  { pue, region: name, regions }: PriceBook,
  { machines, watts, gpuWatts = 0 }: { machines: number; watts: number; gpuWatts?: number },
): HourlyRate {
  const drawn = pue * watts;
  const region = regions[name];
  const electricity = ofDay(region?.electricity ?? '0').map(microsOf);
  return {
    perHour: electricity.map((perKwh) => Math.round(machines + (drawn / 1_000) * perKwh)),
    watts: drawn,
    gpuWatts: pue * gpuWatts,
    pue,
    carbon: ofDay(region?.carbon ?? 0),
  };
}

function ofDay<T>(value: T | T[]): T[] {
  return Array.isArray(value) ? value : Array.from({ length: 24 }, () => value);
}

/** Cost of some milliseconds up to now, rounded up; micro-units. */
export function estimateCost(rate: HourlyRate, milliseconds: number): number {
  return Math.ceil((Math.max(...rate.perHour) * milliseconds) / hourMs);
}

export interface Usage {
  /** Micro-units. */
  amount: number;
  milliseconds: number;
  /** What is left over of an hour's milliseconds times micro-units, for the next reckoning to begin with. */
  remainder: number;
  millijoules: number;
  micrograms: number;
}

/** What the milliseconds before `until` cost, drew and stand for, each hour of the day by its own rate. */
export function meterUsage(
  rate: HourlyRate,
  { milliseconds, until, remainder }: { milliseconds: number; until: Date; remainder: number },
): Usage {
  const end = until.getTime();
  let owed = BigInt(remainder);
  let micrograms = 0;
  for (let at = end - milliseconds; at < end;) {
    const next = Math.min(end, (Math.floor(at / hourMs) + 1) * hourMs);
    const hour = new Date(at).getUTCHours();
    owed += BigInt(rate.perHour[hour] ?? 0) * BigInt(next - at);
    micrograms += ((rate.carbon[hour] ?? 0) * rate.watts * (next - at)) / 3_600;
    at = next;
  }
  return {
    amount: Number(owed / BigInt(hourMs)),
    remainder: Number(owed % BigInt(hourMs)),
    milliseconds,
    millijoules: Math.round(rate.watts * milliseconds),
    micrograms: Math.round(micrograms),
  };
}
