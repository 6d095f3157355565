import { join } from 'node:path';
import { MockActivityEnvironment } from '@temporalio/testing';
import { eq } from 'drizzle-orm';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { createDatasetActivities } from '../../activities/dataset.js';
import type { DataContract } from '../../contracts/contract.js';
import type { Snapshot, Validation } from '../../contracts/dataset.js';
import { firstBrokenAuditEntry } from '../../db/audit.js';
import { findValidation } from '../../db/delivery/dataset.js';
import { auditEntry } from '../../db/schema/audit.js';
import { checkResult, snapshot } from '../../db/schema/dataset.js';
import { delivery, deliveryStage } from '../../db/schema/delivery.js';
import { silentLog } from '../../runtime/log.js';
import { giveSpec } from '../support/given-model.js';
import { givenSpec } from '../support/given-spec.js';
import { freshDatabase, type FreshDatabase } from '../support/postgres.js';
import { writeParquet } from '../support/parquet.js';
import { contract, data, quarantineAll, trips, workplace } from './rows.js';

let database: FreshDatabase;
let place: Awaited<ReturnType<typeof workplace>>;
let activities: ReturnType<typeof createDatasetActivities>;

beforeAll(async () => {
  database = await freshDatabase();
});
afterAll(async () => {
  await database.close();
});
beforeEach(async () => {
  place = await workplace();
  activities = createDatasetActivities({
    db: database.db,
    log: silentLog,
    clock: { now: () => new Date('2024-03-02T00:00:00Z') },
    ...place,
  });
});

let models = 0;

/** A delivery of a model of its own, with its spec registered. */
async function openDelivery(promised: DataContract, overrides: Parameters<typeof data>[0] = {}) {
  models += 1;
  const model = `trips-${models}`;
  const spec = givenSpec(model, { owner: 'tester', data: data(overrides) });
  const specDigest = await giveSpec(database.db, spec, { contract: promised, base: place.base });
  await database.db.insert(delivery).values({
    model,
    number: 1,
    workflowId: `deliver/${model}`,
    firstRunId: `run-${model}`,
    trigger: 'manual',
    requestedBy: 'tester',
    specDigest,
    stage: 'open',
  });
  return { model, delivery: 1, specDigest };
}

const run = <T>(activity: () => Promise<T>): Promise<T> =>
  new MockActivityEnvironment().run(activity) as Promise<T>;

async function ingestAndValidate(
  input: Awaited<ReturnType<typeof openDelivery>>,
): Promise<{ taken: Snapshot; found: Validation }> {
  const taken = await run(() => activities.ingestData(input));
  const found = await run(() => activities.validateData({ ...input, snapshot: taken }));
  return { taken, found };
}

const audited = async (model: string) =>
  (
    await database.db
      .select()
      .from(auditEntry)
      .where(eq(auditEntry.subject, `${model}/1`))
  ).map((entry) => entry.action);

test('a delivery remembers its snapshot, its checks and its stages', async () => {
  await writeParquet(join(place.base, 'trips.parquet'), trips(40));
  const input = await openDelivery(contract());
  const { taken, found } = await ingestAndValidate(input);

  expect(taken).toMatchObject({ created: true, rows: 40 });
  const [row] = await database.db.select().from(delivery).where(eq(delivery.model, input.model));
  expect(row).toMatchObject({ snapshotDigest: taken.digest, stage: 'validate' });
  const [kept] = await database.db.select().from(snapshot).where(eq(snapshot.digest, taken.digest));
  expect(kept?.content.rows).toBe(40);
  expect(await findValidation(database.db, input)).toEqual(found);
  const checks = await database.db
    .select()
    .from(checkResult)
    .where(eq(checkResult.model, input.model));
  expect(checks.map((check) => check.name).toSorted()).toEqual(
    found.checks.map((check) => check.name).toSorted(),
  );
  const stages = await database.db
    .select()
    .from(deliveryStage)
    .where(eq(deliveryStage.model, input.model));
  expect(stages.map(({ stage, endedAt }) => [stage, endedAt !== null]).toSorted()).toEqual([
    ['ingest', true],
    ['validate', true],
  ]);
  expect(await audited(input.model)).toEqual(['snapshot.taken', 'contract.judged']);
});

test('running either activity twice gives the same answer and doubles nothing', async () => {
  await writeParquet(
    join(place.base, 'trips.parquet'),
    `SELECT * REPLACE (nullif(distance, 3) AS distance) FROM (${trips(300)})`,
  );
  const properties = [{ name: 'distance', logicalType: 'integer', required: true }];
  const input = await openDelivery(contract({ properties }));
  const first = await ingestAndValidate(input);
  const second = await ingestAndValidate(input);

  expect(second.taken).toEqual({ ...first.taken, created: false });
  expect(second.found).toEqual(first.found);
  expect(await audited(input.model)).toEqual(['snapshot.taken', 'contract.judged']);
  expect(await firstBrokenAuditEntry(database.db)).toBeNull();
});

test('a broken contract is an answer with rows and reasons, and no training data', async () => {
  await writeParquet(
    join(place.base, 'trips.parquet'),
    `SELECT * REPLACE (nullif(distance, 3) AS distance) FROM (${trips(20)})`,
  );
  const properties = [{ name: 'distance', logicalType: 'integer', required: true }];
  const input = await openDelivery(contract({ properties }));
  const { found } = await ingestAndValidate(input);
  expect(found).toMatchObject({ verdict: 'fail', quarantined: 1, channels: null });
  expect(found.examples).toEqual(['row 2 (distance=null): distance is missing']);
});

test('a wrong expression fails the activity with the feature’s name and leaves the stage open', async () => {
  await writeParquet(join(place.base, 'trips.parquet'), trips(20));
  const input = await openDelivery(contract({ customProperties: quarantineAll }), {
    features: [{ name: 'speed', type: 'number', expression: 'distance / hours' }],
  });
  await expect(ingestAndValidate(input)).rejects.toMatchObject({
    code: 'EXPRESSION_INVALID',
    message: expect.stringContaining(`feature 'speed'`) as string,
  });
  expect(await findValidation(database.db, input)).toBeNull();
});

test('a cancelled ingest ends as a cancellation', async () => {
  await writeParquet(join(place.base, 'trips.parquet'), trips(2_000_000));
  const input = await openDelivery(contract());
  const environment = new MockActivityEnvironment();
  const ending = environment.run(() => activities.ingestData(input));
  environment.cancel();
  await expect(ending).rejects.toMatchObject({ name: 'CancelledFailure' });
});
