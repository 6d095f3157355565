import { chmod, mkdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findFreePort } from '../../runtime/free-port.js';
import { silentLog } from '../../runtime/log.js';
import { startPostgres } from '../../runtime/postgres/server.js';
import { isRunning, stopProcess } from '../../runtime/process-identity.js';
import { connectTemporal } from '../../runtime/temporal/connection.js';
import { findTemporalCli } from '../../runtime/temporal/cli.js';
import { startTemporalServer } from '../../runtime/temporal/server.js';
import { temporaryFolder } from '../support/artifacts.js';

describe('the embedded PostgreSQL', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await temporaryFolder();
    await chmod(folder, 0o755);
  });
  afterAll(async () => {
    await (await startPostgres({ folder })).stop();
  });

  const query = async (url: string, text: string) => {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    try {
      return (await client.query<Record<string, unknown>>(text)).rows;
    } finally {
      await client.end();
    }
  };

  test('what was written outlives a stop and a kill', async () => {
    const first = await startPostgres({ folder });
    await query(first.url, 'CREATE TABLE kept (word text)');
    await query(first.url, `INSERT INTO kept VALUES ('one')`);
    await first.stop();
    expect(await isRunning(first)).toBe(false);

    const second = await startPostgres({ folder });
    expect(second.adopted).toBe(false);
    await query(second.url, `INSERT INTO kept VALUES ('two')`);
    await stopProcess(second, { patience: 0 });

    const third = await startPostgres({ folder });
    expect(await query(third.url, 'SELECT word FROM kept')).toEqual([
      { word: 'one' },
      { word: 'two' },
    ]);
  });

  test('a server that was left running is adopted, at its address', async () => {
    const first = await startPostgres({ folder });
    const second = await startPostgres({ folder, port: await findFreePort('127.0.0.1') });
    expect(second).toMatchObject({ adopted: true, pid: first.pid, url: first.url });
  });

  test('a folder closed to other accounts is no obstacle, also not for root', async () => {
    const closed = join(await temporaryFolder(), 'closed');
    await mkdir(closed, { mode: 0o700 });
    const first = await startPostgres({ folder: join(closed, 'postgres') });
    await query(first.url, 'CREATE TABLE kept (word text)');
    await first.stop();
    const second = await startPostgres({ folder: join(closed, 'postgres') });
    expect(second.dataFolder).toBe(first.dataFolder);
    expect(await query(second.url, 'SELECT word FROM kept')).toEqual([]);
    await second.stop();
    await rm(dirname(second.dataFolder), { recursive: true });
  });

  test('nobody comes in without the password', async () => {
    const { url } = await startPostgres({ folder });
    const forged = new URL(url);
    forged.password = 'guess';
    await expect(query(forged.href, 'SELECT 1')).rejects.toThrow(/password authentication failed/);
  });
});

describe('the embedded Temporal server', () => {
  let folder: string;
  let cli: string;
  const start = () =>
    startTemporalServer({ cli, folder, namespace: 'perennial', log: silentLog, ui: false });
  beforeAll(async () => {
    folder = await temporaryFolder();
    cli = await findTemporalCli(undefined);
  });
  afterAll(async () => {
    await (await start()).kill();
  });

  test('a waiting workflow outlives a kill of the server', async () => {
    const first = await start();
    const before = await connectTemporal({ address: first.address, namespace: 'perennial' });
    await before.client.workflow.start('monitorModel', {
      workflowId: 'monitor/kept',
      taskQueue: 'nobody',
    });
    await before.close();
    await first.kill();

    const second = await start();
    expect(second.adopted).toBe(false);
    const after = await connectTemporal({ address: second.address, namespace: 'perennial' });
    const { status } = await after.client.workflow.getHandle('monitor/kept').describe();
    expect(status.name).toBe('RUNNING');
    await after.close();
  });

  test('a server that was left running is adopted', async () => {
    const first = await start();
    const second = await start();
    expect(second).toMatchObject({ adopted: true, pid: first.pid, address: first.address });
  });

  test('a CLI named by the setting that is not there is refused with its path', async () => {
    await expect(findTemporalCli(join(folder, 'nothing'))).rejects.toMatchObject({
      code: 'TOOL_MISSING',
      message: expect.stringContaining(join(folder, 'nothing')) as string,
    });
  });

  test('a server that is not there is said to be unavailable, with its address', async () => {
    const address = `127.0.0.1:${await findFreePort('127.0.0.1')}`;
    const connecting = connectTemporal({ address, namespace: 'perennial' }, { patience: 500 });
    await expect(connecting).rejects.toMatchObject({
      code: 'TEMPORAL_UNAVAILABLE',
      message: expect.stringContaining(address) as string,
    });
  });
});
