import { sql } from 'drizzle-orm';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Route } from '../../contracts/serving.js';
import { canaryArms, championArms } from '../../release/arms.js';
import type { ArtifactStore } from '../../runtime/artifacts.js';
import { silentLog, type Log } from '../../runtime/log.js';
import { createGateway, type Gateway, type GatewayLimits } from '../../serving/gateway.js';
import { temporaryArtifacts, temporaryFolder } from '../support/artifacts.js';
import { freshDatabase, type FreshDatabase } from '../support/postgres.js';
import { startLoad } from './load.js';
import { inferBody, moveRoute, post, registerModel } from './served-model.js';

let database: FreshDatabase;
let artifacts: ArtifactStore;
const gateways: Gateway[] = [];

beforeAll(async () => {
  database = await freshDatabase();
  artifacts = await temporaryArtifacts();
});
afterEach(async () => {
  await Promise.all(gateways.splice(0).map((gateway) => gateway.close()));
});
afterAll(() => database.close());

async function startGateway(limits: Partial<GatewayLimits> = {}, log: Log = silentLog) {
  const gateway = await createGateway({
    databaseUrl: database.url,
    db: database.db,
    pool: database.pool,
    artifacts,
    log,
    home: await temporaryFolder(),
    installation: 'test',
    limits,
  });
  gateways.push(gateway);
  return { gateway, address: await gateway.listen({ port: 0, host: '127.0.0.1' }) };
}

async function move(model: string, revision: number, arms: Route['arms']): Promise<void> {
  await moveRoute(database.db, { model, revision, arms });
}

async function revisionOf(gateway: Gateway, model: string): Promise<number | undefined> {
  const { values } = await gateway.metrics.revision.get();
  return values.find(({ labels }) => labels.model === model)?.value;
}

describe('a route that changes under load', () => {
  it('fails no request, keeps entities where they are and is followed at once', async () => {
    const files = ['champion.onnx', 'challenger.onnx'];
    await registerModel(database.db, artifacts, { model: 'moving', files });
    await move('moving', 1, championArms(1));
    // Polling is as good as off: what is seen here is NOTIFY.
    const { address } = await startGateway({ pollEvery: 60_000 });
    const load = startLoad({ address, model: 'moving', clients: 8 });
    const seen = (revision: number) => load.answered.find((each) => each.revision === revision);
    await expect.poll(() => seen(1), { timeout: 10_000 }).toBeDefined();

    const steps = [0.1, 0.25, 0.5].map((share) => canaryArms({ champion: 1, canary: 2, share }));
    const latencies: number[] = [];
    for (const [index, arms] of [...steps, championArms(2)].entries()) {
      const revision = index + 2;
      await move('moving', revision, arms);
      const moved = performance.now();
      await expect.poll(() => seen(revision), { timeout: 10_000, interval: 5 }).toBeDefined();
      latencies.push((seen(revision)?.at ?? Infinity) - moved);
    }
    await load.stop();

    console.log(
      `route changes followed after ${latencies.map((each) => `${each.toFixed(1)} ms`).join(', ')} under ${load.answered.length} requests`,
    );
    expect(load.failed).toEqual([]);
    expect(load.answered.every(({ status }) => status === 200)).toBe(true);
    // The first one loads and warms a version; the others need only the notice.
    expect(Math.min(...latencies)).toBeLessThan(2_000);
    expect(arms(load.answered)).toBe('sticky');
    expect(load.answered.every(({ role, version }) => role !== 'canary' || version === '2')).toBe(
      true,
    );
  });

  /** Whether any entity was ever in both of the compared arms. */
  function arms(answered: readonly { entity: string; role: string }[]): string {
    const roles = new Map<string, string>();
    for (const { entity, role } of answered) {
      if (role !== 'canary' && role !== 'baseline') continue;
      const before = roles.get(entity);
      if (before !== undefined && before !== role) return `${entity} was in ${before} and ${role}`;
      roles.set(entity, role);
    }
    return roles.size > 0 ? 'sticky' : 'nobody was compared';
  }

  it('stays as it was when a version of the new one cannot be loaded', async () => {
    const files = ['champion.onnx', 'not-a-probability.onnx'];
    await registerModel(database.db, artifacts, { model: 'guarded', files });
    await move('guarded', 1, championArms(1));
    const errors: string[] = [];
    const log: Log = { ...silentLog, error: (sentence) => errors.push(sentence) };
    const { address, gateway } = await startGateway({ pollEvery: 50 }, log);
    await move('guarded', 2, canaryArms({ champion: 1, canary: 2, share: 0.5 }));
    await expect.poll(() => errors.length, { timeout: 10_000 }).toBeGreaterThan(0);
    const { body } = await post(address, '/v2/models/guarded/infer', inferBody(1));
    expect(body).toMatchObject({ model_version: '1', parameters: { revision: 1 } });
    // The next route that can be loaded is taken.
    await move('guarded', 3, championArms(1));
    await expect.poll(() => revisionOf(gateway, 'guarded'), { timeout: 10_000 }).toBe(3);
    expect(errors).toHaveLength(1);
  });

  it('is gone while the model is off the air, at once, and back as it was', async () => {
    await registerModel(database.db, artifacts, { model: 'resting', files: ['champion.onnx'] });
    await registerModel(database.db, artifacts, { model: 'awake', files: ['champion.onnx'] });
    for (const model of ['resting', 'awake']) await move(model, 1, championArms(1));
    const { address, gateway } = await startGateway({ pollEvery: 60_000 });
    const statusOf = async (model: string) =>
      (await post(address, `/v2/models/${model}/infer`, inferBody(1))).status;
    await expect.poll(() => statusOf('resting'), { timeout: 10_000 }).toBe(200);
    await database.db.execute(
      sql`UPDATE model SET retired_at = now(), off_air_at = now() WHERE name = 'resting'`,
    );
    await expect.poll(() => statusOf('resting'), { timeout: 10_000 }).toBe(404);
    expect(await statusOf('awake')).toBe(200);
    expect(await revisionOf(gateway, 'resting')).toBeUndefined();
    await database.db.execute(sql`UPDATE model SET retired_at = NULL WHERE name = 'resting'`);
    await expect.poll(() => statusOf('resting'), { timeout: 10_000 }).toBe(200);
    expect(await revisionOf(gateway, 'resting')).toBe(1);
  });

  it('is found by polling when the notice was lost, and heard again after the connection is', async () => {
    await registerModel(database.db, artifacts, { model: 'polled', files: ['champion.onnx'] });
    const { gateway } = await startGateway({ pollEvery: 100 });
    await database.db.execute(
      sql`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'perennial-gateway-listen' AND datname = current_database()`,
    );
    await move('polled', 1, championArms(1));
    await expect.poll(() => revisionOf(gateway, 'polled'), { timeout: 10_000 }).toBe(1);
    await expect
      .poll(async () => {
        const { rows } = await database.db.execute(
          sql`SELECT 1 FROM pg_stat_activity WHERE application_name = 'perennial-gateway-listen' AND datname = current_database()`,
        );
        return rows.length;
      })
      .toBe(1);
  });
});

describe('the accounts of a gateway', () => {
  const accounts = async (gateway: Gateway) => {
    const { rows } = await database.db.execute(sql`
      SELECT (SELECT count(*)::int FROM prediction WHERE gateway = ${gateway.gateway}) AS stored,
        (SELECT dropped::int FROM gateway_mark WHERE gateway = ${gateway.gateway}) AS dropped,
        (SELECT sum((counts->>'requests')::int)::int FROM window_count WHERE gateway = ${gateway.gateway}) AS counted`);
    return rows[0];
  };

  it('add up: answered is stored plus dropped, when the journal is full too', async () => {
    await registerModel(database.db, artifacts, { model: 'bounded', files: ['champion.onnx'] });
    await move('bounded', 1, championArms(1));
    // Room for some 25 rows between two flushes.
    const { gateway, address } = await startGateway({
      maximumJournalBytes: 6_000,
      flushEvery: 300,
    });
    const load = startLoad({ address, model: 'bounded', clients: 4, rows: 2 });
    await expect.poll(() => load.answered.length, { timeout: 15_000 }).toBeGreaterThan(400);
    await load.stop();
    const metrics = await gateway.metrics.dropped.get();
    await gateway.close();
    gateways.pop();
    const found = await accounts(gateway);
    const dropped = Number(found?.dropped);
    expect(dropped).toBeGreaterThan(0);
    expect(metrics.values[0]?.value).toBe(dropped);
    expect(Number(found?.stored) + dropped).toBe(load.answered.length * 2);
    expect(found?.counted).toBe(load.answered.length * 2);
  });

  it('are closed when it stops: everything is stored and counted', async () => {
    await registerModel(database.db, artifacts, {
      model: 'closing',
      files: ['champion.onnx'],
      window: '1s',
    });
    await move('closing', 1, championArms(1));
    const { gateway, address } = await startGateway({ flushEvery: 60_000 });
    const load = startLoad({ address, model: 'closing', clients: 4 });
    await expect.poll(() => load.answered.length, { timeout: 15_000 }).toBeGreaterThan(200);
    const closing = gateway.close();
    await closing;
    gateways.pop();
    await load.stop();
    const answered = load.answered.length;
    expect(await accounts(gateway)).toEqual({ stored: answered, dropped: 0, counted: answered });
  });
});
