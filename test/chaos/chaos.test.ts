import { DefaultLogger, Runtime } from '@temporalio/worker';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openArena, type Arena } from '../../scripts/faults/arena.js';
import { planKills, planOthers, processes, stages } from '../../scripts/faults/delivery/plan.js';
import { judgeDevices } from '../../scripts/faults/preemption/gpu-reckoning.js';
import { nameOf, playFaults } from '../../scripts/faults/delivery/play.js';
import {
  moments,
  planPreemptionRounds,
  preemptionTargets,
} from '../../scripts/faults/preemption/plan.js';
import { gpusFor, playPreemptions } from '../../scripts/faults/preemption/play.js';
import { planTrainingRounds, processTargets } from '../../scripts/faults/training/plan.js';
import { nameOfFaults, playTrainings } from '../../scripts/faults/training/play.js';
import { trainerPython } from '../support/trainer.js';

const minutes = 60_000;
const told: string[] = [];
let arena: Arena;

// Engines of its own: those of the test run are needed alive.
beforeAll(async () => {
  Runtime.install({ logger: new DefaultLogger('ERROR', () => {}), shutdownSignals: [] });
  arena = await openArena({
    python: await trainerPython(),
    ownDisk: false,
    gpus: gpusFor(1),
    say: (sentence) => told.push(sentence),
  });
}, 2 * minutes);
afterAll(() => arena.close(), 2 * minutes);

test('a plan names every process and every stage before any of them twice, and is the same again', () => {
  const plan = planKills(7, processes.length);
  expect(new Set(plan.map(({ target }) => target)).size).toBe(processes.length);
  expect(new Set(plan.map(({ stage }) => stage)).size).toBe(stages.length);
  const whole = planKills(7, 1_000);
  expect(new Set(whole.map(nameOf)).size).toBe(processes.length * stages.length);
  expect(planKills(7, 1_000)).toEqual(whole);
});

test(
  'whatever is killed or cut off at whatever stage, every delivery ends as if nothing had happened, and nothing is lost or doubled',
  async () => {
    const faults = [...planKills(1, 11), ...planOthers(1, { refuse: 1, freeze: 0, full: 0 })];
    const { played, last, restarts } = await playFaults(arena, {
      faults,
      lanes: 4,
      say: (sentence) => told.push(sentence),
    });
    const failed = played.filter(({ problems }) => problems.length > 0);
    expect(
      failed.map(({ fault, model, problems }) => ({ fault: nameOf(fault), model, problems })),
      told.join('\n'),
    ).toEqual([]);
    expect(played).toHaveLength(12);
    expect(last.problems, told.join('\n')).toEqual([]);
    expect(last.answered).toBeGreaterThan(500);
    expect(last.stored + last.dropped).toBeGreaterThanOrEqual(last.answered);
    // Each kill was a restart that supervision told of; a worker may end by itself beside, when its engine is away for long.
    const restarted = [...restarts.values()].reduce((sum, times) => sum + times, 0);
    expect(restarted, told.join('\n')).toBeGreaterThanOrEqual(11);
  },
  10 * minutes,
);

test('a plan of trainings hurts everything equally often, one thing after the other, and is the same again', () => {
  const plan = planTrainingRounds(3, 12);
  for (const target of processTargets)
    expect(plan.filter(({ faults: [first] }) => first?.target === target)).toHaveLength(3);
  expect(plan.filter(({ faults }) => faults.length === 2)).toHaveLength(4);
  expect(plan.filter(({ trainer }) => trainer === 'tabular')).toHaveLength(2);
  for (const {
    faults: [first, second],
  } of plan)
    expect(second?.moment ?? 1).toBeGreaterThan(first?.moment ?? 1);
  expect(planTrainingRounds(3, 12)).toEqual(plan);
});

test(
  'a training that loses its worker, its trainer or its machine ends with the same model, and repeats only what no checkpoint held',
  async () => {
    const { played, strays } = await playTrainings(arena, {
      rounds: [
        ...planTrainingRounds(1, 4),
        { trainer: 'tabular', faults: [{ target: 'machine', moment: 0.4 }] },
      ],
      lanes: 5,
      plans: {
        stepping: { steps: 40, every: 7, pause: 0.05 },
        tabular: { trees: 100, rows: 20_000, every: 0 },
      },
      say: (sentence) => told.push(sentence),
    });
    expect(
      played.map(({ faults, problems }) => ({ faults: nameOfFaults(faults), problems })),
    ).toEqual(played.map(({ faults }) => ({ faults: nameOfFaults(faults), problems: [] })));
    expect(played).toHaveLength(7);
    expect(strays).toEqual([]);
  },
  3 * minutes,
);

test('a plan of preemptions kills everything at every moment equally often, and is the same again', () => {
  const pairs = moments.length * preemptionTargets.length;
  const plan = planPreemptionRounds(3, 2 * pairs);
  const first = plan.flatMap(({ faults: [fault] }) =>
    fault ? [`${fault.target} ${fault.moment}`] : [],
  );
  for (const pair of new Set(first)) expect(first.filter((each) => each === pair)).toHaveLength(2);
  expect(new Set(first).size).toBe(pairs);
  expect(planPreemptionRounds(3, 2 * pairs)).toEqual(plan);
});

test('two trainings on one GPU are found by what they wrote down, however short they met', () => {
  const life = (model: string, devices: number[], from: number, to: number) => ({
    model,
    attempt: 1,
    devices,
    from,
    to,
  });
  const one = life('one', [0], 0, 100);
  expect(judgeDevices([one, life('other', [0], 100, 200), life('third', [1], 0, 200)])).toEqual([]);
  expect(judgeDevices([life('other', [0, 1], 99, 200), one])).toEqual([
    'other (attempt 1) ran on GPU 0,1 beside one (attempt 1) on 0 for 1 ms',
  ]);
  expect(judgeDevices([one, life('one', [1], 50, 200)])).toHaveLength(1);
});

test(
  'a training gives its GPU to an urgent one by checkpoint though its worker dies over it, and both end as if nothing had happened',
  async () => {
    const { played, strays } = await playPreemptions(arena, {
      rounds: [
        {
          lows: [1, 1],
          urgents: [{ gpus: 1, arrives: 0 }],
          // Once it has given way for certain: a low one whose worker dies before that comes to its own end first.
          faults: [{ target: 'worker', moment: 'release', after: 300 }],
        },
      ],
      lanes: 1,
      plans: {
        low: { steps: 90, every: 7, pause: 0.14 },
        urgent: { steps: 10, every: 7, pause: 0.05 },
      },
      say: (sentence) => told.push(sentence),
    });
    expect(played.map(({ name, problems }) => ({ name, problems }))).toEqual([
      { name: 'in-peace', problems: [] },
      { name: 'round-1', problems: [] },
    ]);
    expect(played[1]?.yields, told.join('\n')).toBe(1);
    expect(strays).toEqual([]);
  },
  3 * minutes,
);
