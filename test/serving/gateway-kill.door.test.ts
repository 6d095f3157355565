import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFile, readdir } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { sql } from 'drizzle-orm';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { setPriceBook } from '../../db/money/price-book.js';
import { readServingCost } from '../../db/money/serving-cost.js';
import { championArms } from '../../release/arms.js';
import { createFolderArtifacts } from '../../runtime/artifacts/folder.js';
import { prices } from '../governance/prices.js';
import { temporaryFolder } from '../support/artifacts.js';
import { administrate, freshDatabase, type FreshDatabase } from '../support/postgres.js';
import { startLoad } from './load.js';
import { moveRoute, registerModel } from './served-model.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const model = 'delay';

let database: FreshDatabase;
let artifacts: string;
const children: ChildProcess[] = [];

beforeAll(async () => {
  database = await freshDatabase();
  artifacts = await temporaryFolder();
  const files = ['champion.onnx'];
  await registerModel(database.db, createFolderArtifacts(artifacts), { model, files });
  await setPriceBook(database.db, { content: prices, by: 'ann' });
  await moveRoute(database.db, { model, revision: 1, arms: championArms(1) });
});
afterEach(async () => {
  await Promise.all(children.splice(0).map((child) => endWith(child, 'SIGKILL')));
});
afterAll(() => database.close());

/** The gateway as `perennial up` starts it. */
async function startGateway(home: string, more: Record<string, string> = {}) {
  const child = spawn(process.execPath, ['runtime/launch.mjs', 'serving/main.ts'], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...process.env,
      DATABASE_URL: database.url,
      PERENNIAL_HOME: home,
      PERENNIAL_ARTIFACTS: artifacts,
      PERENNIAL_GATEWAY_PORT: '0',
      ...more,
    },
  });
  children.push(child);
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  for await (const line of createInterface({ input: child.stdout })) {
    const { address } = JSON.parse(line) as { ready: true; address: string };
    return { child, address };
  }
  throw new Error(`The gateway ended before it was ready: ${said}`);
}

async function endWith(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) {
    const exited = once(child, 'exit');
    child.kill(signal);
    await exited;
  }
  return child.exitCode;
}

async function storedIds(): Promise<string[]> {
  const { rows } = await database.db.execute(sql`SELECT id FROM prediction`);
  return rows.map(({ id }) => String(id));
}

async function countedRequests(): Promise<number> {
  const { rows } = await database.db.execute(
    sql`SELECT coalesce(sum((counts->>'requests')::int), 0)::int AS requests FROM window_count`,
  );
  return Number(rows[0]?.requests);
}

describe('a gateway that is killed', () => {
  it('has every answer it gave in the table exactly once after it started again', async () => {
    const home = await temporaryFolder();
    const answered: string[] = [];
    // The first one is killed between flushes, the second one as well, the third ends in order.
    for (const ending of ['SIGKILL', 'SIGKILL', 'SIGTERM'] as const) {
      const { child, address } = await startGateway(home);
      const load = startLoad({ address, model, clients: 6, prefix: `run ${answered.length}` });
      await expect.poll(() => load.answered.length, { timeout: 20_000 }).toBeGreaterThan(150);
      const code = await endWith(child, ending);
      await load.stop();
      expect(load.answered.every(({ status }) => status === 200)).toBe(true);
      answered.push(...load.answered.map(({ id }) => id));
      expect(code).toBe(ending === 'SIGTERM' ? 0 : null);
    }
    const stored = await storedIds();
    const set = new Set(stored);
    expect(answered.filter((id) => !set.has(id))).toEqual([]);
    expect(stored.length).toBe(set.size);
    // A row may be written down whose answer the kill cut off: at most one for each waiting client and kill.
    expect(stored.length - answered.length).toBeLessThanOrEqual(12);
    expect(await countedRequests()).toBe(stored.length);
    // Each killed one took what it used since its last reckoning with it, and no more than was answered is ever counted.
    const used = (await readServingCost(database.db, model)).get(1);
    expect(used?.predictions).toBeGreaterThan(150);
    expect(used?.predictions).toBeLessThanOrEqual(stored.length);
    const left = await readdir(join(home, 'gateway', '1'));
    expect(left.toSorted()).toEqual(['epoch']);
  });

  it('beside another one has its answers stored by the next that starts', async () => {
    const home = await temporaryFolder();
    const gateways = [await startGateway(home), await startGateway(home)];
    const loads = gateways.map(({ address }, index) =>
      startLoad({ address, model, clients: 2, prefix: `beside ${index}` }),
    );
    for (const load of loads)
      await expect.poll(() => load.answered.length, { timeout: 20_000 }).toBeGreaterThan(50);
    await Promise.all(gateways.map(({ child }) => endWith(child, 'SIGKILL')));
    await Promise.all(loads.map((load) => load.stop()));
    // One starts where there were two.
    const { child } = await startGateway(home);
    expect(await endWith(child, 'SIGTERM')).toBe(0);
    const stored = new Set(await storedIds());
    const answered = loads.flatMap((load) => load.answered.map(({ id }) => id));
    expect(answered.filter((id) => !stored.has(id))).toEqual([]);
  });

  it('leaves its epochs in the order of its starts', async () => {
    const { rows } = await database.db.execute(
      sql`SELECT gateway, epoch, min(received_at)::text AS first FROM prediction
        WHERE id LIKE 'run %' GROUP BY 1, 2 ORDER BY epoch`,
    );
    expect(rows).toHaveLength(3);
    const first = rows.map((row) => String(row.first));
    expect(first.toSorted()).toEqual(first);
  });
});

describe('a gateway whose database goes away', () => {
  it('goes on answering, and stores everything when it is back', async () => {
    const before = new Set(await storedIds());
    const name = new URL(database.url).pathname.slice(1);
    const home = await temporaryFolder();
    const { child, address } = await startGateway(home);
    const load = startLoad({ address, model, clients: 4, prefix: 'away' });
    await expect.poll(() => load.answered.length, { timeout: 20_000 }).toBeGreaterThan(50);
    await administrate(`ALTER DATABASE ${name} ALLOW_CONNECTIONS false`);
    await administrate(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${name}'`,
    );
    const then = load.answered.length;
    await expect.poll(() => load.answered.length, { timeout: 20_000 }).toBeGreaterThan(then + 200);
    await administrate(`ALTER DATABASE ${name} ALLOW_CONNECTIONS true`);
    await load.stop();
    expect(load.failed).toEqual([]);
    await expect
      .poll(async () => (await storedIds()).filter((id) => !before.has(id)).length, {
        timeout: 20_000,
      })
      .toBe(load.answered.length);
    expect(await endWith(child, 'SIGTERM')).toBe(0);
  });
});

describe('a gateway that cannot start', () => {
  it('says that its port is taken', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const address = taken.address();
    const port = typeof address === 'object' ? String(address?.port) : '';
    await expect(
      startGateway(await temporaryFolder(), { PERENNIAL_GATEWAY_PORT: port }),
    ).rejects.toThrow(/PORT_TAKEN/);
    taken.close();
  });

  it('gives its place back', async () => {
    const home = await temporaryFolder();
    await expect(startGateway(home, { DATABASE_URL: '' })).rejects.toThrow(/DATABASE_URL/);
    const { child } = await startGateway(home);
    expect(await endWith(child, 'SIGTERM')).toBe(0);
    expect(await readFile(join(home, 'gateway', '1', 'epoch'), 'utf8')).toMatch(/^\d+$/);
  });
});
