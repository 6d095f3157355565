import { chmod, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ActivityCancellationDetails } from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { eq, sql } from 'drizzle-orm';
import { afterAll, describe, expect, it } from 'vitest';
import { createCheckpoints } from '../../../activities/training/checkpoint.js';
import { createTrainingSupervision } from '../../../activities/training/supervise.js';
import type { KeptCheckpoint } from '../../../contracts/checkpoint.js';
import type { SuperviseTrainingInput } from '../../../contracts/stages.js';
import {
  supervision,
  type Supervision,
  type TrainingOutcome,
} from '../../../contracts/training.js';
import { listCheckpoints, recordCheckpoint } from '../../../db/training/checkpoint.js';
import { auditEntry } from '../../../db/schema/audit.js';
import { recordedOutcome, recordOutcome } from '../../../db/training/training.js';
import { systemClock } from '../../../runtime/clock.js';
import { silentLog, type Log } from '../../../runtime/log.js';
import { verifyCheckpoint } from '../../../training/checkpoint.js';
import { openWorkplace } from '../workplace.js';

const quiet = new DefaultLogger('ERROR');
const warned: unknown[] = [];
const log: Log = { ...silentLog, warn: (_, facts) => warned.push(facts) };
const place = await openWorkplace();
const { fresh, artifacts, folder, backend, attempts, open, linesOf } = place;
const watching = { db: fresh.db, artifacts, log, clock: systemClock };
const checkpoints = createCheckpoints(watching);
const activities = createTrainingSupervision({ ...watching, backend, pollEvery: 20 });
afterAll(() => place.close());

const openNext = async (input: SuperviseTrainingInput): Promise<SuperviseTrainingInput> => {
  const next = { ...input, attempt: input.attempt + 1 };
  return { ...next, ...(await attempts.openTrainingAttempt(next)) };
};
const begin = (input: SuperviseTrainingInput, heartbeatDetails?: unknown) => {
  const environment = new MockActivityEnvironment({ heartbeatDetails }, { logger: quiet });
  const beats: Supervision[] = [];
  environment.on('heartbeat', (details: unknown) => {
    const parsed = supervision.safeParse(details);
    if (parsed.success) beats.push(parsed.data);
  });
  const result = environment.run<
    [SuperviseTrainingInput],
    TrainingOutcome,
    typeof activities.superviseTraining
  >(activities.superviseTraining, input);
  /** The worker stops; the trainer does not. */
  const drain = async () => {
    const details = new ActivityCancellationDetails({ workerShutdown: true });
    environment.cancel('WORKER_SHUTDOWN', details);
    await expect(result).rejects.toMatchObject({ name: 'CancelledFailure' });
  };
  return { result, beats, drain };
};
const run = (input: SuperviseTrainingInput) => begin(input).result;
const namesOf = async (input: SuperviseTrainingInput) =>
  (await listCheckpoints(fresh.db, input)).map(({ name }) => name);
const patiently = { timeout: 30_000, interval: 20 };
const present = <T>(value: T | null | undefined): T => {
  if (value === null || value === undefined) throw new Error('Nothing is there.');
  return value;
};
/** The machine of an attempt, with all that lay on it, is gone. */
const loseHost = ({ key }: SuperviseTrainingInput) =>
  rm(dirname(backend.root(key)), { recursive: true });
const findStart = async (input: SuperviseTrainingInput) => {
  const manifest = await checkpoints.findNewest(input);
  const listed = await listCheckpoints(fresh.db, input);
  return listed.find((each) => each.manifest.sha256 === manifest?.sha256);
};
const keptOf = async (name: string, content: string): Promise<KeptCheckpoint> => {
  const weights = await artifacts.keepBytes(`${name} ${content}`, 'checkpoint');
  const files = [{ path: `${name}/weights`, content: weights }];
  const manifest = await artifacts.keepBytes(
    JSON.stringify({ schemaVersion: 1, files }),
    'checkpoint',
  );
  return { name, step: 1, manifest, bytes: weights.bytes };
};
const spoilNewest = async (input: SuperviseTrainingInput): Promise<void> => {
  const [newest] = await listCheckpoints(fresh.db, input);
  const { files } = await verifyCheckpoint(present(newest).manifest, artifacts);
  const weights = files.findLast(({ path }) => path.endsWith('weights'));
  const path = await artifacts.localPath(present(weights).content);
  await chmod(path, 0o644);
  await writeFile(path, 'other bytes');
};

describe('The checkpoints of a training', () => {
  it('are kept while the trainer runs on, and told in the heartbeat', async () => {
    const gate = join(folder, 'gate');
    const input = await open(`step=1 save=one:1 await=${gate} save=two:2 step=2 succeed`);
    const { result, beats } = begin(input);
    await expect.poll(() => beats.at(-1), patiently).toMatchObject({ checkpoint: 'one', step: 1 });
    expect(await namesOf(input)).toEqual(['one']);
    await writeFile(gate, '');
    expect(await result).toMatchObject({ kind: 'succeeded' });
    expect(beats.at(-1)).toMatchObject({ key: input.key, step: 2, total: 9, progress: 2 / 9 });
  });

  it('carry the next attempt on where the host of the one before is lost', async () => {
    const input = await open('saved save=one:1 step=3 save=two:2 exit=75');
    expect(await run(input)).toMatchObject({ kind: 'retry', code: 75 });
    expect((await namesOf(input))[0]).toBe('two');
    await loseHost(input);
    const next = await openNext(input);
    expect(await run(next)).toMatchObject({ kind: 'retry' });
    expect(await linesOf(input)).toEqual(['one 1', 'two 2']);
  });

  it('carry the next attempt on where the host is lost under a running one', async () => {
    const input = await open('saved save=one:1 step=1 forever');
    const first = begin(input);
    await expect.poll(() => first.beats.at(-1)?.checkpoint, patiently).toBe('one');
    await first.drain();
    await backend.cancel(input.key, 0);
    await loseHost(input);
    expect(await begin(input, first.beats.at(-1)).result).toMatchObject({
      kind: 'retry',
      reason: expect.stringContaining('vanished') as string,
    });
    expect((await findStart(await openNext(input)))?.name).toBe('one');
  });

  it('carry a job on that never ran although it was begun', async () => {
    const input = await open('saved exit=75');
    const kept = await keptOf('zero', '0');
    expect(await recordCheckpoint(fresh.db, input, kept)).toBe(true);
    expect(await recordCheckpoint(fresh.db, input, kept)).toBe(true);
    expect(await namesOf(input)).toEqual(['zero']);
    await run(input);
    expect(await linesOf(input)).toEqual(['zero zero 0']);
  });

  it('are passed over where the digest is wrong, and it is told once', async () => {
    const input = await open('saved save=one:1 exit=75');
    await run(input);
    const next = await openNext(input);
    await recordCheckpoint(fresh.db, next, await keptOf('two', '2'));
    await spoilNewest(next);
    expect((await findStart(next))?.name).toBe('one');
    await run(next);
    expect(await linesOf(input)).toEqual(['one 1']);
    const audit = await fresh.db
      .select({ action: auditEntry.action, detail: auditEntry.detail })
      .from(auditEntry)
      .where(eq(auditEntry.subject, `${input.model}/1`));
    const told = audit.filter(({ action }) => action === 'checkpoint.corrupt');
    expect(told).toMatchObject([{ detail: { code: 'CHECKPOINT_CORRUPT', name: 'two' } }]);
    expect(warned).toEqual([
      expect.objectContaining({ code: 'CHECKPOINT_CORRUPT', checkpoint: 'two' }),
    ]);
  });
});

describe('An attempt whose time is over', () => {
  it('adds no checkpoint once it has an outcome, nor by hand', async () => {
    const input = await open('save=one:1 exit=75');
    await run(input);
    expect(await recordCheckpoint(fresh.db, input, await keptOf('late', '9'))).toBe(false);
    await expect(
      fresh.db.execute(
        sql`INSERT INTO checkpoint (key, number, name, step, manifest, bytes) VALUES (${input.key}, 9, 'late', 1, '{}', 1)`,
      ),
    ).rejects.toMatchObject({ cause: { message: expect.stringContaining('has ended') as string } });
    await expect(
      fresh.db.execute(sql`UPDATE checkpoint SET step = 7 WHERE key = ${input.key}`),
    ).rejects.toMatchObject({ cause: { code: '23001' } });
  });

  it('brings its manifest in vain once a later one was opened, and starts nothing', async () => {
    const gate = join(folder, 'late');
    const input = await open(`say=begun await=${gate} save=one:1 succeed`);
    const zombie = begin(input);
    await expect.poll(() => zombie.beats.at(-1)?.logOffset, patiently).toBeGreaterThan(0);
    const next = await openNext(input);
    await writeFile(gate, '');
    await expect(zombie.result).rejects.toMatchObject({ code: 'FENCED' });
    expect(await recordedOutcome(fresh.db, input.key)).toBeNull();
    expect(await namesOf(next)).toEqual([]);
    await expect(
      fresh.db.execute(
        sql`UPDATE training_run SET outcome = '{"kind":"succeeded"}' WHERE key = ${input.key}`,
      ),
    ).rejects.toMatchObject({
      cause: { message: expect.stringContaining('superseded') as string },
    });
    await expect(run(input)).rejects.toMatchObject({ code: 'FENCED' });
  });

  it('keeps the outcome it has', async () => {
    const input = await open('exit=75');
    const outcome = await run(input);
    const late: TrainingOutcome = { kind: 'failed', code: 65, reason: 'late' };
    expect(await recordOutcome(fresh.db, input, late)).toEqual(outcome);
    await expect(
      fresh.db.execute(sql`UPDATE training_run SET outcome = NULL WHERE key = ${input.key}`),
    ).rejects.toMatchObject({ cause: { code: '23001' } });
  });

  it('gives its model to no version', async () => {
    const input = await open('succeed');
    const outcome = await run(input);
    if (outcome.kind !== 'succeeded') throw new Error(outcome.reason);
    const insert = (version: number, sha256: string) =>
      fresh.db.execute(sql`
        INSERT INTO version (model, version, delivery, artifact, reference, golden, evidence, evidence_content, metrics, lineage)
        VALUES (${input.model}, ${version}, 1, ${JSON.stringify({ sha256 })}::jsonb, '{}', '{}', 'e', '{}', '{}', '{}')`);
    await expect(insert(1, 'f'.repeat(64))).rejects.toMatchObject({
      cause: { message: expect.stringContaining('none that its trainings ended with') as string },
    });
    await insert(1, outcome.model.sha256);
  });
});

describe('The progress that a trainer promises', () => {
  it('ends one that speaks on while its step stands still, to go on from its checkpoint', async () => {
    const input = await open('obey save=one:1 step=3 chatter', { progressEvery: '2s' });
    expect(await run(input)).toMatchObject({
      kind: 'retry',
      error: 'TRAINING_HUNG',
      reason: expect.stringContaining('stood at') as string,
    });
    expect(await namesOf(input)).toEqual(['one']);
  });

  it('is counted on by the next worker, which also understands what an older one told', async () => {
    const input = await open('obey say=begun step=3 chatter', { progressEvery: '30m' });
    const first = begin(input);
    await expect.poll(() => first.beats.at(-1)?.step, patiently).toBe(3);
    await first.drain();
    const seen = present(first.beats.at(-1));
    const longAgo = { ...seen, steppedAt: Date.now() - 31 * 60_000 };
    const { key, step, total, message, progressOffset, logOffset } = seen;
    const older = begin(input, { key, step, total, message, progressOffset, logOffset });
    await expect
      .poll(() => older.beats.at(-1)?.steppedAt, patiently)
      .toBeGreaterThan(longAgo.steppedAt);
    await older.drain();
    expect(await begin(input, longAgo).result).toMatchObject({ error: 'TRAINING_HUNG' });
  });
});
