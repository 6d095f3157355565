import { utimes } from 'node:fs/promises';
import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createCheckpointExpiry } from '../../../activities/training/checkpoint-expiry.js';
import { createTrainingAttempts } from '../../../activities/training/attempt.js';
import type { ArtifactRef } from '../../../contracts/names.js';
import type { SuperviseTrainingInput } from '../../../contracts/stages.js';
import type { TrainingOutcome } from '../../../contracts/training.js';
import { listCheckpoints, recordCheckpoint } from '../../../db/training/checkpoint.js';
import { recordOutcome } from '../../../db/training/training.js';
import type { ArtifactStore } from '../../../runtime/artifacts.js';
import { silentLog } from '../../../runtime/log.js';
import { temporaryArtifacts } from '../../support/artifacts.js';
import { giveDelivery } from '../../support/given-model.js';
import { freshDatabase, type FreshDatabase } from '../../support/postgres.js';
import { givenTraining, installation } from '../given.js';

let fresh: FreshDatabase;
let artifacts: ArtifactStore;
let attempts: ReturnType<typeof createTrainingAttempts>;
beforeAll(async () => {
  fresh = await freshDatabase();
  artifacts = await temporaryArtifacts();
  attempts = createTrainingAttempts({ db: fresh.db, backendName: 'process', installation });
});
afterAll(() => fresh.close());
// Each case begins with nothing that could expire beside its own.
beforeEach(() =>
  fresh.db.execute(
    sql`UPDATE delivery SET closed_at = now() + interval '1 year' WHERE closed_at IS NOT NULL`,
  ),
);

const inDays = (days: number) => new Date(Date.now() + days * 86_400_000);
const expiryIn = (days: number, store: ArtifactStore = artifacts) =>
  createCheckpointExpiry({
    db: fresh.db,
    artifacts: store,
    log: silentLog,
    clock: { now: () => inDays(days) },
  }).expire();

const open = async (): Promise<SuperviseTrainingInput> => {
  const input = await givenTraining({ db: fresh.db, artifacts }, '');
  await attempts.openTrainingAttempt(input);
  return input;
};
/** A later delivery of the same model, its training under way. */
const openLater = async (input: SuperviseTrainingInput): Promise<SuperviseTrainingInput> => {
  const later = { ...input, delivery: input.delivery + 1 };
  await giveDelivery(fresh.db, later);
  return { ...later, ...(await attempts.openTrainingAttempt(later)) };
};
const keep = async (input: SuperviseTrainingInput, name: string, ...contents: string[]) => {
  const files = [];
  for (const [index, text] of contents.entries())
    files.push({
      path: `${name}/${index}`,
      content: await artifacts.keepBytes(text, 'checkpoint'),
    });
  const manifest = await artifacts.keepBytes(
    JSON.stringify({ schemaVersion: 1, files }),
    'checkpoint',
  );
  expect(await recordCheckpoint(fresh.db, input, { name, step: 1, manifest, bytes: 9 })).toBe(true);
  const [first, ...others] = files.map(({ content }) => content);
  if (!first) throw new Error('A checkpoint has a file.');
  return { manifest, first, others };
};
const failed = (error: 'TRAINING_FAILED' | 'BUDGET_EXCEEDED'): TrainingOutcome => ({
  kind: 'failed',
  code: 1,
  reason: '',
  error,
});
const end = async (input: SuperviseTrainingInput, outcome: TrainingOutcome) => {
  await recordOutcome(fresh.db, input, outcome);
  await fresh.db.execute(
    sql`UPDATE delivery SET outcome = 'failed', closed_at = now() WHERE model = ${input.model} AND number = ${input.delivery}`,
  );
};
const modelOf = (artifact: ArtifactRef): TrainingOutcome => ({
  kind: 'succeeded',
  model: artifact,
  manifest: artifact,
  metrics: {},
  environment: 'test',
  seconds: 1,
});
const namesOf = async (input: SuperviseTrainingInput) =>
  (await listCheckpoints(fresh.db, input)).map(({ name }) => name);
const has = (...refs: ArtifactRef[]) =>
  Promise.all(refs.map(({ sha256 }) => artifacts.has(sha256)));
const toldOf = async ({ model }: SuperviseTrainingInput) => {
  const { rows } = await fresh.db.execute(
    sql`SELECT detail FROM audit_entry WHERE action = 'checkpoint.expired' AND starts_with(subject, ${model})`,
  );
  return rows.map(({ detail }) => detail);
};

describe('The checkpoints of an ended delivery', () => {
  it('go a week after it, with their objects, but for what others name', async () => {
    const ended = await open();
    const running = await open();
    const mine = `weights of ${ended.model}`;
    const tokens = `tokens of ${ended.model}`;
    const [one, two, live] = [
      await keep(ended, 'one', `first ${mine}`, tokens),
      await keep(ended, 'two', mine, tokens),
      await keep(running, 'live', tokens, 'other weights'),
    ];
    await end(ended, modelOf(await artifacts.keepBytes(mine, 'model')));
    expect(await expiryIn(6)).toBe(0);
    expect(await namesOf(ended)).toEqual(['two', 'one']);

    expect(await expiryIn(8)).toBe(2);
    expect(await namesOf(ended)).toEqual([]);
    expect(await has(one.manifest, two.manifest, one.first)).toEqual([false, false, false]);
    // The model that came of it, and the file that a running training has, too.
    expect(await has(two.first, ...two.others, live.first, ...live.others)).toEqual(
      Array(4).fill(true),
    );
    expect(await namesOf(running)).toEqual(['live']);
    expect(await expiryIn(9)).toBe(0);
    expect(await toldOf(ended)).toEqual([{ checkpoints: 2, bytes: 18 }]);
  });

  it('leave the newest where only money stopped it, until a later training succeeded', async () => {
    const unpaid = await open();
    for (const name of ['old', 'new']) await keep(unpaid, name, `${name} ${unpaid.model}`);
    await end(unpaid, failed('BUDGET_EXCEEDED'));
    expect(await expiryIn(8)).toBe(1);
    expect(await namesOf(unpaid)).toEqual(['new']);
    const next = await openLater(unpaid);
    expect(await expiryIn(8)).toBe(0);
    await end(next, failed('TRAINING_FAILED'));
    expect(await expiryIn(8)).toBe(0);
    const last = await openLater(next);
    await end(last, modelOf(await artifacts.keepBytes(last.key, 'model')));
    expect(await expiryIn(8)).toBe(1);
    expect(await namesOf(unpaid)).toEqual([]);
  });

  it('are gone for good also where the sweep was cut off between two objects', async () => {
    const ended = await open();
    const { manifest, first, others } = await keep(
      ended,
      'cut',
      `a ${ended.model}`,
      `b ${ended.model}`,
    );
    await end(ended, failed('TRAINING_FAILED'));
    const away = new Error('The store is away.');
    const cut: ArtifactStore = {
      ...artifacts,
      remove: async (sha256, since) => {
        if (sha256 === others[0]?.sha256) throw away;
        return artifacts.remove(sha256, since);
      },
    };
    await expect(expiryIn(8, cut)).rejects.toBe(away);
    expect(await has(first, ...others, manifest)).toEqual([false, true, true]);
    expect(await namesOf(ended)).toEqual([]);
    expect(await expiryIn(8)).toBe(1);
    expect(await has(first, ...others, manifest)).toEqual([false, false, false]);
    expect(await toldOf(ended)).toHaveLength(1);
  });

  it('leave an object that somebody has just kept again and not yet written down', async () => {
    const ended = await open();
    const { first } = await keep(ended, 'again', `again ${ended.model}`);
    await end(ended, failed('TRAINING_FAILED'));
    await utimes(await artifacts.localPath(first), inDays(8), inDays(8));
    expect(await expiryIn(8)).toBe(1);
    expect(await has(first)).toEqual([true]);
  });

  it('are neither marked while it runs nor forgotten unmarked, whoever asks', async () => {
    const running = await open();
    await keep(running, 'held', running.model);
    await expect(
      fresh.db.execute(sql`UPDATE checkpoint SET expired_at = now() WHERE key = ${running.key}`),
    ).rejects.toMatchObject({ cause: { code: '23514' } });
    await expect(
      fresh.db.execute(sql`DELETE FROM checkpoint WHERE key = ${running.key}`),
    ).rejects.toMatchObject({ cause: { code: '23001' } });
  });
});
