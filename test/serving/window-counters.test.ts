import { describe, expect, it } from 'vitest';
import { buildReferenceProfile } from '../../drift/reference.js';
import { createWindowCounters, type CountedArm } from '../../serving/window-counters.js';
import { features, flightColumns } from './served-model.js';

const reference = buildReferenceProfile({
  features,
  columns: flightColumns(100),
  scores: Float64Array.from({ length: 100 }, (_, row) => row / 100),
  labels: new Uint8Array(100),
});
const arm: CountedArm = {
  model: 'flight-delay',
  version: 1,
  role: 'champion',
  revision: 1,
  windowMilliseconds: 60_000,
  reference,
};
const values = { distance: 500, hour: 7, origin: 'ATL' };

function answerAt(eventTime: number, score: number | null = 0.3) {
  return { eventTime, values, score, latencyMicros: 120 };
}

describe('window counts of a gateway', () => {
  it('are cut by event time and grow within their window', () => {
    const counters = createWindowCounters({ gateway: 'g', epoch: 1 });
    counters.count(arm, answerAt(60_000));
    counters.count(arm, answerAt(119_999));
    counters.count(arm, answerAt(120_000));
    const first = counters.takeChanged();
    expect(first.map((row) => [row.windowStart.getTime(), row.counts.requests])).toEqual([
      [60_000, 2],
      [120_000, 1],
    ]);
    counters.count(arm, answerAt(61_000, null));
    const [again, ...others] = counters.takeChanged();
    expect(others).toEqual([]);
    expect(again?.counts).toMatchObject({ requests: 3, errors: 1 });
  });

  it('are taken once, and again when the write failed', () => {
    const counters = createWindowCounters({ gateway: 'g', epoch: 1 });
    counters.count(arm, answerAt(0));
    const taken = counters.takeChanged();
    expect(counters.takeChanged()).toEqual([]);
    counters.giveBack(taken);
    expect(counters.takeChanged()).toEqual(taken);
  });

  it('tell arms and revisions apart', () => {
    const counters = createWindowCounters({ gateway: 'g', epoch: 1 });
    counters.count(arm, answerAt(0));
    counters.count({ ...arm, role: 'baseline' }, answerAt(0));
    counters.count({ ...arm, revision: 2 }, answerAt(0));
    expect(counters.takeChanged().map(({ counts }) => counts.requests)).toEqual([1, 1, 1]);
  });

  it('close the windows that were longest untouched, and say no to what comes for them later', () => {
    const counters = createWindowCounters({ gateway: 'g', epoch: 1, maximumOpen: 2 });
    for (const minute of [0, 1, 2]) counters.count(arm, answerAt(minute * 60_000));
    counters.takeChanged();
    counters.takeChanged();
    expect(counters.count(arm, answerAt(0))).toBe(false);
    expect(counters.count(arm, answerAt(60_000))).toBe(true);
  });

  it('survive one wild event time', () => {
    const counters = createWindowCounters({ gateway: 'g', epoch: 1, maximumOpen: 2 });
    counters.count(arm, answerAt(Date.UTC(9999, 0)));
    counters.takeChanged();
    for (let minute = 0; minute < 5; minute += 1) {
      expect(counters.count(arm, answerAt(minute * 60_000))).toBe(true);
      counters.takeChanged();
    }
  });
});
