import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { createPerennial, PerennialError, type Perennial } from '../../../client/index.js';
import { stage as stageSchema, type Stage } from '../../../contracts/delivery.js';
import { contract, landRows, specOf } from '../../small-world.js';
import type { Arena } from '../arena.js';
import { patiently } from '../patience.js';
import { startTraffic, type Traffic } from './traffic.js';

/** One model of the arena under traffic, whose deliveries follow one another. */
export interface Lane {
  model: string;
  traffic: Traffic;
  /** Starts the next delivery; once it is answered, the delivery exists. */
  start: () => Promise<string>;
  /** How many deliveries were asked for so far. */
  started: () => number;
  /** Returns when the delivery is at this stage, or past it. */
  reach: (runId: string, stage: Stage) => Promise<void>;
  /** Says yes, as often as it takes to be heard; it counts once. */
  approve: (runId: string) => Promise<void>;
  finish: (runId: string, seconds: number) => Promise<Standing>;
}

const standing = z.object({
  number: z.int(),
  stage: stageSchema,
  outcome: z.string().nullable(),
  explanation: z.string(),
});
export type Standing = z.infer<typeof standing>;

/** A model that is on the air: its first version was delivered in peace. */
export async function openLane(arena: Arena, model: string): Promise<Lane> {
  const perennial = createPerennial({ url: arena.stack.apiUrl, timeout: 15_000 });
  const base = join(arena.home, 'data', model);
  await mkdir(base, { recursive: true });
  await landRows(base, { seed: 'chaos', rows: 3_000 });
  const lane = createLane(arena, model, perennial);
  const spec = specOf(model, {
    release: {
      steps: [0.3],
      judge: {
        every: '300ms',
        minimumRequests: 20,
        minimumTime: '1s',
        maximumTime: '30m',
        errorRateMargin: 0.5,
        latencyRatioMargin: 50,
        businessMargin: 2,
      },
    },
    monitoring: { every: '1h', window: '1h', retrain: { drift: false, performanceMargin: 10 } },
  });
  await patiently(() => perennial.apply({ spec, contract, base, by: 'olive' }));
  const first = await lane.start();
  await lane.approve(first);
  const { outcome, explanation } = await lane.finish(first, 240);
  if (outcome !== 'promoted') throw new Error(`${model}: ${outcome}: ${explanation}`);
  return lane;
}

function createLane(arena: Arena, model: string, perennial: Perennial): Lane {
  const traffic = startTraffic({ url: arena.stack.gatewayUrl, model });
  let started = 0;

  const look = async (runId: string): Promise<Standing | undefined> => {
    const { rows } = await patiently(() =>
      arena.database.pool.query(
        'SELECT number, stage, outcome, explanation FROM delivery WHERE model = $1 AND first_run_id = $2',
        [model, runId],
      ),
    );
    return rows.length === 0 ? undefined : standing.parse(rows[0]);
  };

  const until = async (
    runId: string,
    what: string,
    there: (found: Standing) => boolean,
    { seconds, every }: { seconds: number; every: number },
  ): Promise<Standing> => {
    const deadline = performance.now() + seconds * 1_000;
    for (;;) {
      const found = await look(runId);
      if (found && there(found)) return found;
      if (performance.now() > deadline)
        throw new Error(
          `did not ${what} within ${seconds} s: it is at ${found?.stage ?? 'its start'}`,
        );
      await sleep(every);
    }
  };

  const approve = async (runId: string) => {
    await until(runId, 'ask for approval', ({ stage: at }) => isAtLeast(at, 'approve'), {
      seconds: 240,
      every: 50,
    });
    const idempotencyKey = `chaos-${runId}`;
    const deadline = performance.now() + 120_000;
    for (;;) {
      const { approval } = await patiently(() => perennial.showModel(model));
      if (approval?.standing !== 'open') return;
      try {
        await patiently(() =>
          perennial.approve(model, {
            by: 'anna',
            reason: 'whatever happens',
            evidence: approval.evidence,
            idempotencyKey,
          }),
        );
        return;
      } catch (error) {
        // Heard the first time, though the answer was lost; or the workflow does not know yet what the database does.
        const unheard = error instanceof PerennialError && error.code === 'APPROVAL_NOT_OPEN';
        if (!unheard || performance.now() > deadline) throw error;
      }
      await sleep(250);
    }
  };

  return {
    model,
    traffic,
    started: () => started,
    start: async () => {
      started += 1;
      const asked = { model, requestedBy: 'olive', trigger: 'manual' } as const;
      return (await patiently(() => perennial.startDelivery(asked))).runId;
    },
    reach: async (runId, stage) => {
      await until(runId, `reach ${stage}`, ({ stage: at }) => isAtLeast(at, stage), {
        seconds: 240,
        every: 5,
      });
    },
    approve,
    finish: (runId, seconds) =>
      until(runId, 'end', ({ outcome }) => outcome !== null, { seconds, every: 100 }),
  };
}

function isAtLeast(found: Stage, wanted: Stage): boolean {
  return stageSchema.options.indexOf(found) >= stageSchema.options.indexOf(wanted);
}
