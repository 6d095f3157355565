import fc from 'fast-check';
import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { TrainingAttempt } from '../../../contracts/stages.js';
import { recordCheckpoint } from '../../../db/training/checkpoint.js';
import { advertiseGpus } from '../../../db/gpu/advert.js';
import { hasBetterPlace, hasUnwatchedHolder } from '../../../db/gpu/elsewhere.js';
import { releaseGpus, renewGpus, takeGpus, type GpuLease } from '../../../db/gpu/lease.js';
import { chooseFewest } from '../../../db/gpu/yield.js';
import { mostPreemptions, recordPlacement } from '../../../db/gpu/placement.js';
import { openTrainingRun, recordOutcome } from '../../../db/training/training.js';
import { trainingKey } from '../../../training/key.js';
import { temporaryArtifacts } from '../../support/artifacts.js';
import { freshDatabase, type FreshDatabase } from '../../support/postgres.js';
import { givenTraining, installation } from '../given.js';

const machine = { host: 'one', class: 'a10', devices: [0, 1, 2] };
const ttl = 60_000;

/** A training of this machine: its present attempt, and what that asks for. */
interface Player {
  name: string;
  attempt: TrainingAttempt;
  count: number;
  priority: number;
  lease: GpuLease | null;
}

describe('A more urgent training', () => {
  let fresh: FreshDatabase;
  let db: FreshDatabase['db'];
  const trainings: TrainingAttempt[] = [];

  beforeAll(async () => {
    fresh = await freshDatabase();
    ({ db } = fresh);
    const artifacts = await temporaryArtifacts();
    for (let at = 0; at < 5; at += 1) {
      const input = await givenTraining({ db, artifacts }, 'succeed');
      const { model, delivery, attempt, key } = input;
      const opened = { model, delivery, attempt, key };
      await openTrainingRun(db, opened, 'process');
      trainings.push(opened);
    }
  });
  afterAll(() => fresh.close());
  beforeEach(() => clear());

  const clear = async () => {
    await db.execute(sql`DELETE FROM gpu_wait`);
    await db.execute(sql`DELETE FROM gpu_lease`);
    await db.execute(sql`DELETE FROM gpu_advert`);
    await db.execute(sql`DELETE FROM placement`);
  };
  const enter = async (at: number, { count = 1, priority = 3 } = {}): Promise<Player> => {
    const attempt = trainings[at];
    if (!attempt) throw new Error('There are five trainings');
    await recordPlacement(db, { key: attempt.key, before: null }, { ...machine, count, priority });
    return { name: `${attempt.model}/1`, attempt, count, priority, lease: null };
  };
  const ask = async (player: Player) => {
    const { attempt, count, priority } = player;
    const asked = { key: attempt.key, count, priority, ttl, preempt: true };
    const answer = await takeGpus(db, machine, asked);
    if ('fence' in answer) player.lease = answer;
    return answer;
  };
  const wanted = async ({ lease }: Player) => {
    const renewal = lease && (await renewGpus(db, lease, ttl));
    return renewal?.kind === 'held' ? renewal.wantedBy : renewal?.kind;
  };
  /** What supervision and workflow make of the wish: the attempt ends, and the next one waits in its place. */
  const giveWay = async (player: Player) => {
    const { model, delivery, attempt, key: before } = player.attempt;
    const outcome = { kind: 'retry', code: 143, reason: 'x', preempted: true } as const;
    await recordOutcome(db, player.attempt, outcome);
    await releaseGpus(db, before);
    const next = { model, delivery, attempt: attempt + 1 };
    const key = trainingKey({ installation, ...next });
    player.attempt = { ...next, key };
    player.lease = null;
    trainings.splice(
      trainings.findIndex((each) => each.model === model),
      1,
      player.attempt,
    );
    await openTrainingRun(db, player.attempt, 'process');
    const { count, priority } = player;
    await recordPlacement(db, { key, before }, { ...machine, count, priority });
  };
  const placementOf = async ({ attempt }: Player) => {
    const { rows } = await db.execute<{ since: Date; preempted: number }>(
      sql`SELECT since, preempted FROM placement WHERE key = ${attempt.key}`,
    );
    return rows[0];
  };
  const settle = (key: string) =>
    db.execute(sql`UPDATE gpu_lease SET taken_at = now() - interval '1 hour' WHERE key = ${key}`);

  it('asks the least urgent and youngest to give way, no more than it needs, and once', async () => {
    const old = await enter(0, { priority: 4 });
    const young = await enter(1, { priority: 4 });
    const important = await enter(2, { priority: 2 });
    for (const each of [old, young, important]) await ask(each);
    const urgent = await enter(3, { priority: 1 });
    expect(await ask(urgent)).toMatchObject({ ahead: 0 });
    await ask(urgent);
    expect(await wanted(young)).toBe(urgent.name);
    expect(await wanted(old)).toBeNull();
    expect(await wanted(important)).toBeNull();
    const { rows } = await db.execute(
      sql`SELECT FROM audit_entry WHERE action = 'training.asked-to-yield' AND subject = ${young.name}`,
    );
    expect(rows).toHaveLength(1);
  });

  it('gets what it asked for, and the one that gave way keeps its place', async () => {
    const holder = await enter(0, { count: 3 });
    await ask(holder);
    const since = (await placementOf(holder))?.since;
    const rival = await enter(2);
    await ask(rival);
    const urgent = await enter(1, { count: 2, priority: 1 });
    await ask(urgent);
    await giveWay(holder);
    expect(await ask(holder)).toMatchObject({ ahead: 1 });
    expect(await ask(urgent)).toMatchObject({ devices: [0, 1] });
    expect(await placementOf(holder)).toEqual({ since, preempted: 1 });
    // It came before its rival and still does, though it asks for more.
    expect(await ask(rival)).toMatchObject({ ahead: 1 });
  });

  it('leaves alone whom it could not help itself with, its equals, and those that would lose hours', async () => {
    const big = await enter(0, { count: 2, priority: 1 });
    const small = await enter(1, { priority: 5 });
    for (const each of [big, small]) await ask(each);
    await ask(await enter(2, { count: 2, priority: 1 }));
    expect(await wanted(small)).toBeNull();
    await clear();
    const holder = await enter(0, { count: 3, priority: 2 });
    await ask(holder);
    await settle(holder.attempt.key);
    await ask(await enter(1, { priority: 1 }));
    expect(await wanted(holder)).toBeNull();
    const bytes = { uri: 'nowhere', sha256: 'a'.repeat(64), bytes: 1, schemaVersion: 1 };
    const kept = { name: 'first', step: 1, manifest: bytes, bytes: 1 };
    await recordCheckpoint(db, holder.attempt, kept);
    await ask(await enter(1, { priority: 1 }));
    expect(await wanted(holder)).not.toBeNull();
  });

  it('asks for nothing any more once it has stopped waiting', async () => {
    const holder = await enter(0, { count: 3 });
    await ask(holder);
    const urgent = await enter(1, { priority: 1 });
    await ask(urgent);
    await releaseGpus(db, urgent.attempt.key);
    expect(await wanted(holder)).toBeNull();
  });

  it('may have stopped the one that it asked, which then gives way whatever has become of the wish', async () => {
    const holder = await enter(0, { count: 3 });
    await ask(holder);
    const urgent = await enter(1, { priority: 1 });
    await ask(urgent);
    expect(await wanted(holder)).toBe(urgent.name);
    await releaseGpus(db, urgent.attempt.key);
    expect(await wanted(holder)).toBe(urgent.name);
    // Nobody else is asked for what is about to come back.
    const other = await enter(2, { priority: 1 });
    expect(await ask(other)).toMatchObject({ ahead: 0, holders: [holder.name] });
    await giveWay(holder);
    expect(await ask(other)).toMatchObject({ devices: [0] });
  });

  it('goes where less urgent ones would give way, as long as nobody is asked where it waits', async () => {
    const equals = await enter(0, { count: 3, priority: 1 });
    await ask(equals);
    const elsewhere = { ...machine, host: 'two' };
    await advertiseGpus(db, [elsewhere]);
    const modest = await enter(1, { count: 2, priority: 4 });
    const { key } = modest.attempt;
    await takeGpus(db, elsewhere, { key, count: 2, priority: 4, ttl });
    const urgent = await enter(2, { count: 2, priority: 1 });
    await ask(urgent);
    const asker = { ...machine, key: urgent.attempt.key, priority: 1 };
    expect(await hasBetterPlace(db, asker, 2)).toBe(true);
    expect(await hasBetterPlace(db, { ...asker, priority: 4 }, 2)).toBe(false);
    await db.execute(sql`UPDATE placement SET priority = 4 WHERE key = ${equals.attempt.key}`);
    await ask(urgent);
    expect(await wanted(equals)).toBe(urgent.name);
    expect(await hasBetterPlace(db, asker, 2)).toBe(false);
  });

  it('leaves its slot to a training whose worker has died', async () => {
    const holder = await enter(0);
    await ask(holder);
    expect(await hasUnwatchedHolder(db, machine)).toBe(false);
    await db.execute(sql`UPDATE gpu_lease SET renewed_at = now() - interval '10 seconds'`);
    expect(await hasUnwatchedHolder(db, machine)).toBe(true);
    expect(await wanted(holder)).toBeNull();
    expect(await hasUnwatchedHolder(db, machine)).toBe(false);
  });

  it('does not make one give way a fourth time, nor one that is no less urgent, in SQL either', async () => {
    const holder = await enter(0, { count: 3 });
    await db.execute(
      sql`UPDATE placement SET preempted = ${mostPreemptions} WHERE key = ${holder.attempt.key}`,
    );
    await ask(holder);
    const urgent = await enter(1, { priority: 1 });
    await ask(urgent);
    expect(await wanted(holder)).toBeNull();
    const force = () =>
      fresh.pool
        .query(`UPDATE gpu_lease SET yield_to = '${urgent.attempt.key}'`)
        .catch((thrown: unknown) => (thrown as { code?: string }).code);
    expect(await force()).toBe('23514');
    await db.execute(sql`UPDATE placement SET preempted = 0, priority = 1`);
    expect(await force()).toBe('23514');
  });

  it('goes where there is room, and lets a still more urgent one be seen', async () => {
    const holder = await enter(0, { count: 3 });
    await ask(holder);
    const waiting = await enter(1);
    const better = async () => {
      await ask(waiting);
      const asker = { ...machine, key: waiting.attempt.key, priority: 3 };
      return hasBetterPlace(db, asker, 1);
    };
    expect(await better()).toBe(false);
    await enter(2, { priority: 1 });
    expect(await better()).toBe(true);
    await db.execute(sql`DELETE FROM placement WHERE priority = 1`);
    await advertiseGpus(db, [{ host: 'two', class: 'a10', devices: [0] }]);
    expect(await better()).toBe(true);
    await db.execute(sql`UPDATE gpu_advert SET seen_at = now() - interval '2 minutes'`);
    expect(await better()).toBe(false);
  });

  it('never waits for one that could give way, and no GPU has two holders, whoever comes when', async () => {
    const crowd = fc.array(
      fc.record({
        count: fc.integer({ min: 1, max: 3 }),
        priority: fc.integer({ min: 1, max: 5 }),
      }),
      { minLength: 3, maxLength: 5 },
    );
    await fc.assert(
      fc.asyncProperty(crowd, async (asked) => {
        await clear();
        const players: Player[] = [];
        for (const [at, each] of asked.entries()) {
          players.push(await enter(at, each));
          for (let round = 0; round < 3; round += 1) {
            await Promise.all(players.filter(({ lease }) => !lease).map(ask));
            const held = players.flatMap(({ lease }) => lease?.devices ?? []);
            expect(new Set(held).size).toBe(held.length);
            for (const player of players) if (await wanted(player)) await giveWay(player);
          }
        }
        for (const player of players.filter(({ lease }) => !lease)) await ask(player);
        const [first] = players
          .filter(({ lease }) => !lease)
          .toSorted((one, other) => one.priority - other.priority);
        const lower = players.filter(
          ({ lease, priority }) => lease && first && priority > first.priority,
        );
        const preempted = await Promise.all(lower.map(placementOf));
        const free = 3 - players.reduce((sum, { lease }) => sum + (lease?.devices.length ?? 0), 0);
        const couldBeFreed = lower.reduce(
          (sum, { count }, at) =>
            (preempted[at]?.preempted ?? 0) < mostPreemptions ? sum + count : sum,
          free,
        );
        expect(first && couldBeFreed >= first.count).toBeFalsy();
      }),
      { numRuns: 4 },
    );
  });
});

describe('As few as needed', () => {
  const sizes = (able: number[], missing: number) =>
    chooseFewest(
      able.map((devices) => ({ devices })),
      missing,
    ).map(({ devices }) => devices);

  it('are those in front, without any that the later ones make needless', () => {
    expect(sizes([1, 1, 2], 2)).toEqual([1, 1]);
    expect(sizes([1, 2, 4], 4)).toEqual([4]);
    expect(sizes([2, 1], 1)).toEqual([2]);
    expect(sizes([1, 1], 3)).toEqual([]);
    expect(sizes([1, 1], 0)).toEqual([]);
  });
});
