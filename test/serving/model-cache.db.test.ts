import { afterAll, beforeAll, expect, test } from 'vitest';
import { silentLog } from '../../runtime/log.js';
import { createModelCache } from '../../serving/model-cache.js';
import { temporaryArtifacts } from '../support/artifacts.js';
import { freshDatabase, type FreshDatabase } from '../support/postgres.js';
import { flightColumns, registerModel } from './served-model.js';

let database: FreshDatabase;
beforeAll(async () => {
  database = await freshDatabase();
});
afterAll(() => database.close());

test('a version just loaded answers, however many others are idle', async () => {
  const { db } = database;
  const artifacts = await temporaryArtifacts();
  const files = ['champion.onnx', 'challenger.onnx', 'champion.onnx'];
  await registerModel(db, artifacts, { model: 'cached', files });
  const cache = createModelCache({ db, artifacts, log: silentLog, idleVersions: 1 });
  for (const version of [1, 2, 3]) {
    const { onnx } = await cache.load('cached', version);
    expect(await onnx.run(flightColumns(2))).toHaveLength(2);
  }
  await cache.close();
});
