import { latencyBounds } from '../../contracts/window-counts.js';
import type { ArmCounts, JudgeBasis, Judgement } from '../../contracts/release.js';
import { answersAbove, freezeLatencyBound } from '../../release/latency.js';
import { dispersionOf, type EventsOfWindow } from '../../release/dispersion.js';
import { judgeStep } from '../../release/judge.js';
import { logLossOf } from '../../drift/log-loss.js';
import { randomFrom, type RandomSource } from '../../statistics/random.js';

export interface Behaviour {
  errorRate: number;
  /** Median of a log-normal latency in microseconds, spread 0.5. */
  latency: number;
  /** Added to the log-odds of each score. */
  bias: number;
}

export const healthy: Behaviour = { errorRate: 0.01, latency: 4_000, bias: 0 };

export const policy: JudgeBasis['policy'] = {
  minimumRequests: 1_000,
  minimumTime: 5 * 60_000,
  maximumTime: 60 * 60_000,
  alpha: 0.05,
  errorRateMargin: 0.005,
  latencyRatioMargin: 1.5,
  businessMargin: 0.05,
};

export function noCounts(): ArmCounts {
  return {
    entities: 0,
    requests: 0,
    errors: 0,
    latency: Array.from({ length: latencyBounds.length + 1 }, () => 0),
    labelled: 0,
    logLossSum: 0,
    logLossSquares: 0,
  };
}

/** Adds one answer of this behaviour to the counts. */
function answerOne(counts: ArmCounts, random: RandomSource, behaviour: Behaviour): void {
  counts.requests += 1;
  counts.entities += 1;
  if (random() < behaviour.errorRate) {
    counts.errors += 1;
    return;
  }
  const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  const micros = behaviour.latency * Math.exp(0.5 * normal);
  const bin = latencyBounds.findIndex((bound) => micros < bound);
  const at = bin === -1 ? latencyBounds.length : bin;
  counts.latency[at] = (counts.latency[at] ?? 0) + 1;
  const logOdds = 3 * random() - 2.5;
  const label = random() < 1 / (1 + Math.exp(-logOdds)) ? 1 : 0;
  const loss = logLossOf(1 / (1 + Math.exp(-logOdds - behaviour.bias)), label);
  counts.labelled += 1;
  counts.logLossSum += loss;
  counts.logLossSquares += loss * loss;
}

/** Looks every minute at both arms until the judge says something, as the activity does. */
export function watchCanary({
  seed,
  canary: canaryBehaviour,
  requests = 100,
  looks = 60,
  labels = true,
}: {
  seed: string;
  canary: Behaviour;
  requests?: number;
  looks?: number;
  labels?: boolean;
}): Judgement {
  const random = randomFrom(seed);
  const before = noCounts();
  for (let each = 0; each < 1_000; each += 1) answerOne(before, random, healthy);
  const latencyBound = freezeLatencyBound(before.latency);
  const canary = noCounts();
  const baseline = noCounts();
  const errors: EventsOfWindow[] = [];
  const slow: EventsOfWindow[] = [];
  const above = (counts: ArmCounts) => answersAbove(counts.latency, latencyBound ?? 0);
  for (let look = 1; ; look += 1) {
    const was = { canary: structuredClone(canary), baseline: structuredClone(baseline) };
    for (let each = 0; each < requests; each += 1) {
      answerOne(canary, random, canaryBehaviour);
      answerOne(baseline, random, healthy);
    }
    if (!labels) canary.labelled = 0;
    errors.push({
      canary: canary.errors - was.canary.errors,
      baseline: baseline.errors - was.baseline.errors,
    });
    slow.push({
      canary: above(canary) - above(was.canary),
      baseline: above(baseline) - above(was.baseline),
    });
    const judgement = judgeStep({
      step: 1,
      look,
      at: '2026-01-01T00:00:00.000Z',
      canary: structuredClone(canary),
      baseline: structuredClone(baseline),
      expectedShare: 0.5,
      basis: {
        exposure: { requests: canary.requests, milliseconds: look * 60_000 },
        latencyBound,
        dispersion: { windows: look, errors: dispersionOf(errors), latency: dispersionOf(slow) },
        policy: { ...policy, maximumTime: looks * 60_000 },
      },
    });
    if (judgement.recommendation !== 'wait') return judgement;
  }
}
