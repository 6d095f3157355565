import { Client, Connection } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { createApi } from '../../api/app.js';
import { choosePinning } from '../../api/pin-image.js';
import { createPerennial, type Perennial } from '../../client/index.js';
import { loadSpec } from '../../db/model/spec.js';
import { loadConfig } from '../../runtime/config.js';
import { silentLog } from '../../runtime/log.js';
import { engineAddress } from '../../scripts/engine/own-engine.js';
import { connectEngine } from '../../training/docker/engine.js';
import { freshDatabase, type FreshDatabase } from '../support/postgres.js';
import { importEmptyImage } from '../training/empty-image.js';
import { applicationOf } from './remembered.js';

describe('Applying a spec that names an image', () => {
  let database: FreshDatabase;
  let connection: Connection;

  beforeAll(async () => {
    database = await freshDatabase();
    connection = Connection.lazy({ address: '127.0.0.1:1' });
  });
  afterAll(async () => {
    await connection.close();
    await database.close();
  });

  const engine = () => connectEngine(engineAddress(inject('engineFolder')));

  /** The SDK against an API with these settings, without a socket between them. */
  function perennialWith(settings: Record<string, string>): Perennial {
    const client = new Client({ connection });
    const pinImage = choosePinning(loadConfig(settings));
    const { db } = database;
    const app = createApi({ db, engine: { client, patience: 500 }, log: silentLog, pinImage });
    return createPerennial({
      url: 'http://perennial.test',
      fetch: async (input, init) => app.request(input, init),
    });
  }
  const docker = () =>
    perennialWith({
      PERENNIAL_TRAINING: 'docker',
      PERENNIAL_DOCKER_HOST: engineAddress(inject('engineFolder')),
    });
  const naming = (image: string) =>
    applicationOf('imaged', (text) => text.replace('training:', `training:\n  image: ${image}`));
  const imageOf = async (digest: string) =>
    (await loadSpec(database.db, digest)).spec.training.image;

  test('resolves a tag once, to what it stands for now', async () => {
    const first = await importEmptyImage(engine(), 'moving', 'stable');
    const applied = await docker().apply(naming('moving:stable'));
    expect(await imageOf(applied.digest)).toBe(first);
    expect(await docker().apply(naming('moving:stable'))).toMatchObject({ created: false });

    const second = await importEmptyImage(engine(), 'moving', 'stable');
    const again = await docker().apply(naming('moving:stable'));
    expect(await imageOf(again.digest)).toBe(second);
    expect(await imageOf(applied.digest)).toBe(first);
  });

  test('refuses a tag that stands for nothing', async () => {
    const before = await docker().audit();
    await expect(docker().apply(naming('127.0.0.1:1/nothing:1'))).rejects.toMatchObject({
      code: 'IMAGE_NOT_FOUND',
    });
    expect(await docker().audit()).toEqual(before);
  });

  test('refuses a tag where no engine answers, and takes a digest', async () => {
    const away = perennialWith({
      PERENNIAL_TRAINING: 'docker',
      PERENNIAL_DOCKER_HOST: 'unix:///nowhere/docker.sock',
    });
    await expect(away.apply(naming('moving:stable'))).rejects.toMatchObject({
      code: 'IMAGE_NOT_PINNED',
    });
    const pinned = `registry.example/trainer@sha256:${'a'.repeat(64)}`;
    expect(await imageOf((await away.apply(naming(pinned))).digest)).toBe(pinned);
  });

  test('leaves the image alone where trainings are processes', async () => {
    const applied = await perennialWith({}).apply(naming('moving:stable'));
    expect(await imageOf(applied.digest)).toBe('moving:stable');
  });
});
