import { expect, test } from 'vitest';
import { priceBook } from '../../contracts/price-book.js';
import { addUse, nothingOwed, servingRateOf, totalOf } from '../../governance/serving-price.js';
import { createUsageAccount } from '../../serving/usage/account.js';
import { createUsageMeter, type VersionUse } from '../../serving/usage/meter.js';
import { shareOut } from '../../serving/usage/split.js';
import { prices } from '../governance/prices.js';

const one = { model: 'flights', version: 1 };
const two = { model: 'flights', version: 2 };
const idle = { model: 'churn', version: 7 };

/** A process whose meters stand where the test puts them. */
function givenMeter() {
  const own = { processor: 0, memory: 0, now: 0 };
  const meter = createUsageMeter({
    processorMicros: () => own.processor,
    memoryBytes: () => own.memory,
    now: () => own.now,
  });
  return { own, meter };
}

test.each([
  [10, [1, 1, 1], [3, 3, 4]],
  [1_000, [0.001, 99.999], [0, 1_000]],
  [7, [0, 0], [3, 4]],
  [0, [5, 5], [0, 0]],
  [5, [], []],
])('%i shared out by %j is %j', (total, weights, parts) => {
  expect(shareOut(total, weights)).toEqual(parts);
});

test('parts sum up to what is shared out, each less than one off its share', () => {
  for (let count = 2; count < 40; count += 1) {
    const weights = Array.from({ length: count }, (_, index) => ((index * 7_919) % 997) / 13);
    const sum = weights.reduce((a, b) => a + b, 0) || 1;
    const total = 1_234_567 + count;
    const parts = shareOut(total, weights);
    expect(parts.reduce((a, b) => a + b)).toBe(total);
    for (const [index, part] of parts.entries())
      expect(Math.abs(part - (total * (weights[index] ?? 0)) / sum)).toBeLessThan(1.001);
  }
});

test('processor time goes by the time that answers took, memory evenly to all that are kept ready', () => {
  const { own, meter } = givenMeter();
  meter.add(one, 20, 100);
  meter.add(two, 60, 10);
  meter.add(one, 20, 50);
  Object.assign(own, { processor: 1_000_000, memory: 300 * 2 ** 20, now: 10_000 });
  expect(meter.take([one, idle])).toEqual([
    { ...one, predictions: 150, processorMicros: 400_000, mebibyteMillis: 1_000_000 },
    { ...idle, predictions: 0, processorMicros: 0, mebibyteMillis: 1_000_000 },
    { ...two, predictions: 10, processorMicros: 600_000, mebibyteMillis: 1_000_000 },
  ]);
  own.processor += 500;
  expect(meter.take([one, idle])).toMatchObject([
    { ...one, predictions: 0, processorMicros: 250, mebibyteMillis: 0 },
    { ...idle, processorMicros: 250 },
  ]);
  own.processor += 500;
  expect(meter.take([])).toEqual([]);
  expect(meter.take([one])).toMatchObject([{ processorMicros: 0 }]);
});

const book = priceBook.parse({
  ...prices,
  perHour: { cpu: '0.045', memoryGiB: '0.005' },
  regions: {
    'eu-north': {
      electricity: Array.from({ length: 24 }, (_, hour) => (hour < 6 ? '0.1' : '0.3')),
      carbon: Array.from({ length: 24 }, (_, hour) => hour),
    },
  },
});

test('a core and a GiB for an hour cost what the price book says, electricity and carbon by the hour', () => {
  const use = { processorMicros: 3.6e9, mebibyteMillis: 1_024 * 3_600_000 };
  const night = new Date('2026-03-01T05:30:00Z');
  const bill = addUse(nothingOwed, servingRateOf(book), use, night);
  // 10 W and 1 W by a PUE of 1.5 are 16.5 Wh, of which a kWh costs 0.1 and stands for 5 g.
  expect(totalOf(bill)).toEqual({
    amount: 50_000 + 1_650,
    millijoules: 16.5 * 3_600_000,
    micrograms: 82_500,
  });
  const day = addUse(nothingOwed, servingRateOf(book), use, new Date('2026-03-01T06:00:00Z'));
  expect(totalOf(day).amount).toBe(50_000 + 4_950);
});

test('however often it is reckoned, the sum is that of one reckoning, and of no more', () => {
  const rate = servingRateOf(book);
  const at = new Date('2026-03-01T12:00:00Z');
  let bill = nothingOwed;
  const sum = { processorMicros: 0, mebibyteMillis: 0 };
  for (let step = 1; step < 2_000; step += 1) {
    const use = { processorMicros: (step * 7_919) % 1_009, mebibyteMillis: (step * 31) % 4_001 };
    bill = addUse(bill, rate, use, at);
    sum.processorMicros += use.processorMicros;
    sum.mebibyteMillis += use.mebibyteMillis;
  }
  const whole = addUse(nothingOwed, rate, sum, at);
  expect(bill.owed).toBe(whole.owed);
  expect(totalOf(bill).amount).toBe(totalOf(whole).amount);
  expect(totalOf(bill).millijoules).toBeLessThanOrEqual(whole.millijoules + 1e-3);
});

test('use is kept apart by month and price book, and what is stored is not given again', () => {
  const account = createUsageAccount({ gateway: 'g', epoch: 1 });
  const kept = { number: 1, digest: 'd'.repeat(64), content: prices, setBy: 'ann', setAt: '' };
  const uses: VersionUse[] = [
    { ...one, predictions: 2, processorMicros: 1_000_000, mebibyteMillis: 0 },
  ];
  account.add(uses, null, new Date('2026-02-28T23:59:00Z'));
  expect(account.changed()).toEqual([]);
  account.add(uses, kept, new Date('2026-02-28T23:59:50Z'));
  account.add(uses, kept, new Date('2026-03-01T00:00:00Z'));
  account.add(uses, kept, new Date('2026-03-01T00:00:10Z'));
  const row = { ...one, gateway: 'g', epoch: 1, priceBook: 1 };
  const march = { ...row, month: '2026-03-01', predictions: 4, amount: 2_000 };
  expect(account.changed()).toMatchObject([
    { ...row, month: '2026-02-01', predictions: 2, amount: 1_000 },
    march,
  ]);
  account.stored();
  expect(account.changed()).toEqual([]);
  account.add(uses, { ...kept, number: 2 }, new Date('2026-03-01T00:00:20Z'));
  account.add(uses, kept, new Date('2026-03-01T00:00:30Z'));
  expect(account.changed()).toMatchObject([
    { priceBook: 2, predictions: 2, amount: 1_000 },
    { ...march, predictions: 6, amount: 3_000 },
  ]);
});
