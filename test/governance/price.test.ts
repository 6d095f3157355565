import { describe, expect, test } from 'vitest';
import { amount, amountOf, currency, limits, microsOf } from '../../contracts/money.js';
import { priceBook } from '../../contracts/price-book.js';
import { estimateCost, meterUsage, rateOf } from '../../governance/price.js';
import { prices } from './prices.js';

describe('Amounts', () => {
  test.each([
    ['0', 0, '0.00'],
    ['12', 12_000_000, '12.00'],
    ['0.045', 45_000, '0.045'],
    ['1.5', 1_500_000, '1.50'],
    ['0.000001', 1, '0.000001'],
  ])('%s is %i millionths and reads %s', (text, micros, read) => {
    expect(microsOf(text)).toBe(micros);
    expect(amountOf(micros)).toBe(read);
  });

  test.each([-1, '-1', 1e-7, '1,5', 'Infinity', '', '1.0000001', null])('%s is none', (text) => {
    expect(amount.safeParse(text).success).toBe(false);
  });

  test('are in a currency that exists', () => {
    expect(currency.safeParse('EUR').success).toBe(true);
    expect(currency.safeParse('XYZ').error?.issues[0]?.message).toContain('ISO 4217');
  });

  test('name limits that fit each other', () => {
    expect(limits.safeParse({ soft: 5, hard: '10' }).success).toBe(true);
    expect(limits.safeParse({ soft: '9', hard: '10' }).success).toBe(true);
    expect(limits.safeParse({ soft: 11, hard: 10 }).success).toBe(false);
    expect(limits.safeParse({}).success).toBe(false);
  });
});

describe('A price book', () => {
  test.each([
    ['a region that it does not name', { region: 'mars' }],
    ['a negative price', { perHour: { cpu: -1, memoryGiB: 0 } }],
    ['23 hours', { regions: { 'eu-north': { carbon: Array.from({ length: 23 }, () => 1) } } }],
    ['a currency that nobody has', { currency: 'ABC' }],
    ['a PUE below one', { pue: 0.9 }],
    ['a word that it does not know', { perHours: {} }],
  ])('with %s is refused', (_, change) => {
    expect(priceBook.safeParse({ ...prices, ...change }).success).toBe(false);
  });

  test('reads the same after it was kept', () => {
    expect(priceBook.parse(JSON.parse(JSON.stringify(prices)))).toEqual(prices);
  });
});

describe('The rate of a training', () => {
  const resources = { cpus: 2, memory: '4Gi', gpus: { class: 'a10', count: 2 } };

  test('sums what it has, on every node', () => {
    const rate = rateOf(prices, { resources, replicas: 3 });
    expect(rate.perHour[0]).toBe(3 * (2 * 3_600_000 + 2 * 36_000_000));
    expect(rate.watts).toBeCloseTo(1.5 * 3 * (20 + 4 + 300));
    expect(rate.gpuWatts).toBeCloseTo(1.5 * 3 * 300);
  });

  test('counts one core and one GiB where the spec names none', () => {
    expect(rateOf(prices, { resources: undefined, replicas: 1 }).perHour[7]).toBe(3_600_000);
  });

  test('is refused for a GPU without a price', () => {
    const given = { resources: { gpus: { class: 'h100', count: 1 } }, replicas: 1 };
    expect(() => rateOf(prices, given)).toThrow("no price for GPU class 'h100'");
  });

  test('follows the hour of the day', () => {
    const electricity = Array.from({ length: 24 }, (_, hour) => (hour < 6 ? '0.1' : '0.3'));
    const region = { electricity, carbon: Array.from({ length: 24 }, (_, hour) => hour) };
    const book = { ...prices, regions: { 'eu-north': region } };
    const rate = rateOf(book, { resources: undefined, replicas: 1 });
    const perKwh = (1.5 * 11) / 1_000;
    expect(rate.perHour[5]).toBe(Math.round(3_600_000 + perKwh * 100_000));
    expect(rate.perHour[6]).toBe(Math.round(3_600_000 + perKwh * 300_000));

    // Half an hour on either side of six o'clock.
    const until = new Date('2026-03-01T06:30:00Z');
    const used = meterUsage(rate, { milliseconds: 3_600_000, until, remainder: 0 });
    expect(used.amount).toBe(Math.floor(((rate.perHour[5] ?? 0) + (rate.perHour[6] ?? 0)) / 2));
    expect(used.millijoules).toBe(16.5 * 3_600_000);
    expect(used.micrograms).toBe(Math.round(((16.5 / 1_000) * (5 + 6) * 1e6) / 2));
  });
});

test('However often a training is reckoned, the sum is that of one reckoning', () => {
  const rate = rateOf(
    { ...prices, perHour: { ...prices.perHour, cpu: '0.012347' } },
    { resources: undefined, replicas: 1 },
  );
  const start = Date.parse('2026-03-01T05:00:00Z');
  let at = 0;
  let total = 0;
  let remainder = 0;
  // Any odd steps do.
  for (let step = 1; at < 9_000_000; step = (step * 7_919) % 5_003) {
    const next = Math.min(at + step, 9_000_000);
    const until = new Date(start + next);
    const used = meterUsage(rate, { milliseconds: next - at, until, remainder });
    total += used.amount;
    remainder = used.remainder;
    at = next;
  }
  const whole = { milliseconds: 9_000_000, until: new Date(start + 9_000_000), remainder: 0 };
  expect(total).toBe(meterUsage(rate, whole).amount);
  expect(total).toBeLessThanOrEqual(estimateCost(rate, 9_000_000));
  expect(estimateCost(rate, 9_000_000) - total).toBeLessThanOrEqual(1);
});
