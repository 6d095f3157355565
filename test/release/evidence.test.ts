import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { dispersionOf } from '../../release/dispersion.js';
import { answersAbove, freezeLatencyBound, relaxedBound } from '../../release/latency.js';
import { compareMeans } from '../../release/mean-difference.js';
import { lowerRate, upperRate } from '../../release/rate-bound.js';
import { sampleRatioEvidence } from '../../release/sample-ratio.js';
import { shareEvidence } from '../../release/share-evidence.js';
import { randomFrom } from '../../statistics/random.js';
import { noCounts } from './traffic.js';

const toAll = (events: number): number =>
  shareEvidence({ canaryEvents: events, baselineEvents: 0, nullShare: 0.5 });

describe('evidence by shares of events', () => {
  test('needs about sixteen events that are all the canary’s at alpha .05/6, and 32 for a million to one', () => {
    expect(toAll(12)).toBeLessThan(120 * 2);
    expect(toAll(16)).toBeGreaterThan(120);
    expect(toAll(32)).toBeGreaterThan(1e6);
    expect(toAll(28)).toBeLessThan(1e6);
  });

  test('is at most one while the canary has no more than its share', () => {
    fc.assert(
      fc.property(
        fc.nat(100_000),
        fc.double({ min: 0.05, max: 0.95, noNaN: true }),
        (events, nullShare) => {
          const value = shareEvidence({
            canaryEvents: Math.floor(events * nullShare),
            baselineEvents: Math.ceil(events * (1 - nullShare)),
            nullShare,
          });
          expect(value).toBeLessThanOrEqual(1.0001);
          expect(value).toBeGreaterThanOrEqual(0);
        },
      ),
    );
  });

  test('has a mean of one under the null, exactly: summed over all ways that ten events can fall', () => {
    let mean = 0;
    let ways = 1;
    for (let canaryEvents = 0; canaryEvents <= 10; canaryEvents += 1) {
      const chance = ways * 0.3 ** canaryEvents * 0.7 ** (10 - canaryEvents);
      mean +=
        chance * shareEvidence({ canaryEvents, baselineEvents: 10 - canaryEvents, nullShare: 0.3 });
      ways = (ways * (10 - canaryEvents)) / (canaryEvents + 1);
    }
    expect(mean).toBeCloseTo(1, 9);
  });

  test('crosses 20 in fewer than one of twenty null runs of a thousand events, looked at after each ten', () => {
    const random = randomFrom('share evidence');
    let crossed = 0;
    for (let run = 0; run < 300; run += 1) {
      let canaryEvents = 0;
      for (let events = 1; events <= 1_000; events += 1) {
        if (random() < 0.5) canaryEvents += 1;
        if (events % 10 > 0) continue;
        if (
          shareEvidence({ canaryEvents, baselineEvents: events - canaryEvents, nullShare: 0.5 }) >=
          20
        ) {
          crossed += 1;
          break;
        }
      }
    }
    expect(crossed).toBeLessThanOrEqual(15);
  });
});

describe('the sample ratio', () => {
  test('stands for even arms and falls for uneven ones', () => {
    expect(
      sampleRatioEvidence({ canary: 5_050, baseline: 4_950, expectedShare: 0.5 }),
    ).toBeLessThan(1);
    expect(
      sampleRatioEvidence({ canary: 5_500, baseline: 4_500, expectedShare: 0.5 }),
    ).toBeGreaterThan(1_000);
    expect(sampleRatioEvidence({ canary: 0, baseline: 0, expectedShare: 0.5 })).toBeCloseTo(1, 9);
  });
});

describe('bounds of a rate', () => {
  test('enclose it and close in', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20_000 }), fc.nat(20_000), (trials, some) => {
        const events = some % (trials + 1);
        const lower = lowerRate(events, trials, 0.05);
        const upper = upperRate(events, trials, 0.05);
        expect(lower).toBeGreaterThanOrEqual(0);
        expect(lower).toBeLessThanOrEqual(events / trials + 1e-12);
        expect(upper).toBeGreaterThanOrEqual(events / trials - 1e-12);
        expect(upper).toBeLessThanOrEqual(1);
      }),
    );
    expect(upperRate(0, 1_000, 0.05)).toBeLessThan(0.0075);
    expect(upperRate(10, 10_000, 0.05)).toBeLessThan(0.003);
  });
});

describe('the difference of two means', () => {
  test('is not told from fewer than 200 rows', () => {
    const few = { rows: 199, sum: 10, squares: 1 };
    expect(compareMeans(few, few, { alpha: 0.05, plannedRows: 1_000 })).toBeNull();
  });

  test('lies within its bounds, which are wider than those of a single look', () => {
    const arm = { rows: 1_000, sum: 500, squares: 500 };
    const compared = compareMeans(arm, arm, { alpha: 0.05, plannedRows: 2_000 });
    const singleLook = 1.645 * Math.sqrt((2 * 0.25) / 999);
    expect(compared?.value).toBe(0);
    expect(compared?.upper).toBeGreaterThan(singleLook);
    expect(compared?.upper).toBeLessThan(2.5 * singleLook);
  });
});

describe('slow answers', () => {
  const histogram = noCounts().latency.map((_, bin) => (bin === 14 ? 950 : bin === 16 ? 50 : 0));

  test('are those above the bound that 95 of a hundred stay below', () => {
    const bound = freezeLatencyBound(histogram);
    expect(bound).not.toBeNull();
    expect(answersAbove(histogram, bound ?? 0)).toBe(50);
    expect(answersAbove(histogram, 819_200)).toBe(0);
  });

  test('are not told apart from fewer than 500 answers, nor below a millisecond', () => {
    expect(freezeLatencyBound(histogram.map((each) => each / 10))).toBeNull();
    expect(freezeLatencyBound(noCounts().latency.map((_, bin) => (bin < 2 ? 500 : 0)))).toBe(1_131);
  });

  test('get the margin in steps of the histogram', () => {
    expect(relaxedBound(1_131, 1.5)).toBe(1_600);
    expect(relaxedBound(1_600, 1.01)).toBe(1_600);
  });
});

describe('dispersion over windows', () => {
  test('is one when events come one by one, and grows with bursts', () => {
    const even = Array.from({ length: 20 }, (_, at) => ({
      canary: 5 + (at % 3),
      baseline: 6 - (at % 2),
    }));
    const bursts = Array.from({ length: 20 }, (_, at) => ({
      canary: at % 2 ? 20 : 0,
      baseline: at % 2 ? 0 : 20,
    }));
    expect(dispersionOf(even)).toBe(1);
    expect(dispersionOf(bursts)).toBeGreaterThan(10);
    expect(dispersionOf(bursts.slice(0, 4))).toBe(1);
  });
});
