import { Client, Connection } from '@temporalio/client';
import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createApi } from '../../api/app.js';
import { choosePinning } from '../../api/pin-image.js';
import { createPerennial, type Perennial } from '../../client/index.js';
import { firstBrokenAuditEntry } from '../../db/audit.js';
import { connectDatabase } from '../../db/connect.js';
import { chooseRollback, type WantedRollback } from '../../db/release/rollback.js';
import { loadConfig } from '../../runtime/config.js';
import { silentLog } from '../../runtime/log.js';
import { freshDatabase, type FreshDatabase } from '../support/postgres.js';
import { applicationOf, digest, rememberChampion, rememberVersion } from './remembered.js';

let database: FreshDatabase;
let connection: Connection;
let api: ReturnType<typeof createApi>;
let perennial: Perennial;

beforeAll(async () => {
  database = await freshDatabase();
  // Nothing listens there: what these tests ask needs the database alone, and says so where it does not.
  connection = Connection.lazy({ address: '127.0.0.1:1' });
  api = apiOn(database.db);
  perennial = clientOf(api);
});
afterAll(async () => {
  await connection.close();
  await database.close();
});

function apiOn(db: FreshDatabase['db']) {
  const client = new Client({ connection });
  const pinImage = choosePinning(loadConfig({ PERENNIAL_IMAGE_TAGS: 'refuse' }));
  return createApi({ db, engine: { client, patience: 500 }, log: silentLog, pinImage });
}

/** The SDK against the API without a socket between them. */
function clientOf(app: ReturnType<typeof createApi>): Perennial {
  const fetch: typeof globalThis.fetch = async (input, init) => app.request(input, init);
  return createPerennial({ url: 'http://perennial.test', fetch });
}

function post(path: string, body: unknown, contentType = 'application/json') {
  return api.request(`/api/v1${path}`, {
    method: 'POST',
    body: typeof body === 'string' ? body : JSON.stringify(body),
    headers: { 'content-type': contentType },
  });
}

describe('applying a spec', () => {
  test('registers it once: the same again is a no-op', async () => {
    const first = await perennial.apply(applicationOf('twice'));
    const again = await perennial.apply(applicationOf('twice'));
    expect(first).toMatchObject({ model: 'twice', created: true });
    expect(again).toEqual({ ...first, created: false });
    const audit = await perennial.audit({ subject: 'twice' });
    expect(audit.map(({ action, actor }) => [action, actor])).toEqual([['spec.applied', 'ada']]);
  });

  test('makes a changed one the current one', async () => {
    await perennial.apply(applicationOf('changing'));
    const changed = await perennial.apply(
      applicationOf('changing', (text) => text.replace('seed: 1', 'seed: 2')),
    );
    expect((await perennial.showModel('changing')).specDigest).toBe(changed.digest);
  });

  test.each<[string, (application: ReturnType<typeof applicationOf>) => unknown, string]>([
    [
      'a spec with a wrong value',
      (a) => ({ ...a, spec: { ...a.spec, model: 'No Name' } }),
      'SPEC_INVALID',
    ],
    [
      'a spec with an unknown key',
      (a) => ({ ...a, spec: { ...a.spec, modle: 'x' } }),
      'SPEC_INVALID',
    ],
    ['a wrong contract', (a) => ({ ...a, contract: {} }), 'CONTRACT_INVALID'],
    [
      'a contract nested until the stack is full',
      (a) =>
        JSON.stringify({ ...a, contract: { ...a.contract, description: 'DEEP' } }).replace(
          '"DEEP"',
          `${'['.repeat(20_000)}${']'.repeat(20_000)}`,
        ),
      'CONTRACT_INVALID',
    ],
    [
      'a policy that does not parse',
      (a) => ({ ...a, spec: { ...a.spec, approval: { automaticWhen: 'candidate.roc_auc >' } } }),
      'POLICY_INVALID',
    ],
    [
      'a tag where only digests are taken',
      (a) => ({ ...a, spec: { ...a.spec, training: { ...a.spec.training, image: 'trainer:1' } } }),
      'IMAGE_NOT_PINNED',
    ],
    [
      'a negative budget',
      (a) => ({ ...a, spec: { ...a.spec, budget: { currency: 'EUR', delivery: { hard: -5 } } } }),
      'SPEC_INVALID',
    ],
    ['a relative folder', (a) => ({ ...a, base: 'here' }), 'INPUT_INVALID'],
    ['nobody who acts', (a) => ({ ...a, by: undefined }), 'INPUT_INVALID'],
  ])('refuses %s and changes nothing', async (_, change, code) => {
    const answer = await post('/specs', change(applicationOf('refused')));
    expect(answer.status).toBe(422);
    expect(await answer.json()).toMatchObject({
      code,
      hint: expect.any(String) as string,
      requestId: expect.any(String) as string,
    });
    await expect(perennial.showModel('refused')).rejects.toMatchObject({ code: 'MODEL_NOT_FOUND' });
  });
});

describe('every error', () => {
  test.each<[string, () => Promise<Response> | Response, number, string]>([
    ['a path that is not there', () => api.request('/api/v1/nothing'), 404, 'ROUTE_NOT_FOUND'],
    ['a path outside', () => api.request('/etc/passwd'), 404, 'ROUTE_NOT_FOUND'],
    ['a body that is no JSON', () => post('/specs', '{"spec": '), 400, 'NOT_JSON'],
    ['a body of another type', () => post('/specs', '{}', 'text/plain'), 400, 'NOT_JSON'],
    [
      'a body that is too large',
      () => post('/specs', JSON.stringify('x'.repeat(2_100_000))),
      413,
      'BODY_TOO_LARGE',
    ],
    ['a name that cannot be', () => api.request('/api/v1/models/No%20Name'), 422, 'INPUT_INVALID'],
    [
      'a model that is not there',
      () => api.request('/api/v1/models/nobody'),
      404,
      'MODEL_NOT_FOUND',
    ],
    [
      'deliveries of no model',
      () => api.request('/api/v1/models/nobody/deliveries'),
      404,
      'MODEL_NOT_FOUND',
    ],
    [
      'a delivery that is not there',
      () => api.request('/api/v1/models/nobody/deliveries/7'),
      404,
      'DELIVERY_NOT_FOUND',
    ],
    [
      'a number that is none',
      () => api.request('/api/v1/models/nobody/deliveries/x'),
      422,
      'INPUT_INVALID',
    ],
    [
      'a limit beyond reason',
      () => api.request('/api/v1/audit?limit=100000'),
      422,
      'INPUT_INVALID',
    ],
    [
      'a vote that is none',
      () => post('/models/nobody/decision', { vote: 'perhaps', by: 'ada' }),
      422,
      'INPUT_INVALID',
    ],
    [
      'a command that is none',
      () => post('/models/nobody/release/explode', { by: 'ada' }),
      422,
      'INPUT_INVALID',
    ],
    [
      'a text that no database keeps',
      () => post('/models/nobody/decision', { vote: 'reject', by: 'ada', reason: 'a\0b' }),
      422,
      'INPUT_INVALID',
    ],
    [
      'a question that no database can be asked',
      () => api.request('/api/v1/audit?actor=%00'),
      422,
      'INPUT_INVALID',
    ],
    [
      'a rollback without a reason',
      () => post('/models/nobody/rollback', { by: 'ada' }),
      422,
      'INPUT_INVALID',
    ],
  ])(
    'says code, message, hint and request id, and leaves no trace: %s',
    async (_, ask, status, code) => {
      const before = await perennial.audit();
      const answer = await ask();
      expect(await perennial.audit()).toEqual(before);
      expect(answer.status).toBe(status);
      const told = (await answer.json()) as Record<string, unknown>;
      expect(told).toMatchObject({ code, hint: expect.stringMatching(/^\S/) as string });
      expect(String(told.message)).toMatch(/^\S.*\.$/s);
      expect(answer.headers.get('x-request-id')).toBe(told.requestId);
      expect(JSON.stringify(told)).not.toMatch(/node_modules|\.ts:\d|SELECT/);
    },
  );

  test('keeps the request id that the caller gave', async () => {
    const answer = await api.request('/api/v1/models/nobody', {
      headers: { 'x-request-id': 'ticket-7' },
    });
    expect(await answer.json()).toMatchObject({ requestId: 'ticket-7' });
  });

  test('is a 503 where the database is away', async () => {
    const away = connectDatabase({ url: 'postgres://nobody:x@127.0.0.1:1/none', log: silentLog });
    await expect(clientOf(apiOn(away.db)).listModels()).rejects.toMatchObject({
      code: 'DATABASE_UNAVAILABLE',
    });
    await away.close();
  });

  test('is a 503 where Temporal is away', async () => {
    await perennial.apply(applicationOf('engineless'));
    await expect(
      perennial.startDelivery({ model: 'engineless', requestedBy: 'ada' }),
    ).rejects.toMatchObject({ code: 'TEMPORAL_UNAVAILABLE' });
  });
});

describe('what is remembered', () => {
  let specDigest = '';
  beforeAll(async () => {
    specDigest = (await perennial.apply(applicationOf('churn'))).digest;
    for (const version of [1, 2]) {
      await rememberVersion(database.db, { model: 'churn', version, specDigest });
      await rememberChampion(database.db, 'churn', version);
    }
    await rememberVersion(database.db, {
      model: 'churn',
      version: 3,
      specDigest,
      standing: 'rejected',
    });
    await rememberVersion(database.db, {
      model: 'churn',
      version: 4,
      specDigest,
      standing: 'open',
    });
  });

  test('is listed by model with champion and state', async () => {
    const churn = (await perennial.listModels()).find(({ model }) => model === 'churn');
    expect(churn).toMatchObject({
      champion: 2,
      versions: 4,
      awaitingApproval: true,
      owner: 'ada',
      delivery: { number: 4, stage: 'approve', outcome: null },
    });
  });

  test('is shown of one model: route, newest versions, open approval', async () => {
    const churn = await perennial.showModel('churn');
    expect(churn.route).toMatchObject({
      revision: 2,
      arms: [{ version: 2, share: 1, role: 'champion' }],
    });
    expect(churn.recentVersions.map(({ version, aliases }) => [version, aliases])).toEqual([
      [4, []],
      [3, []],
      [2, ['champion']],
      [1, []],
    ]);
    expect(churn.approval).toMatchObject({
      version: 4,
      evidence: digest('4'),
      approvers: ['bob'],
      votes: [],
    });
  });

  test('is in the inbox while it waits for a vote', async () => {
    expect(
      (await perennial.listApprovals()).map(({ model, version }) => `${model} v${version}`),
    ).toEqual(['churn v4']);
  });

  test('tells a delivery with seconds, gates and votes', async () => {
    const detail = await perennial.showDelivery('churn', 2);
    expect(detail.delivery).toMatchObject({ number: 2, outcome: 'promoted', version: 2 });
    expect(detail.delivery.seconds.ingest).toBeCloseTo(2, 3);
    expect(detail.gates).toMatchObject([{ name: 'primary', verdict: 'pass', rows: 900 }]);
    expect(detail.approval?.votes).toMatchObject([{ by: 'bob', vote: 'approve' }]);
    expect(detail.release).toMatchObject({ status: 'promoted' });
  });

  test('finds a delivery by the run that opened it', async () => {
    const found = await perennial.listDeliveries('churn', { runId: 'churn-run-3' });
    expect(found.map(({ number }) => number)).toEqual([3]);
  });

  test('tells where a version comes from', async () => {
    const found = await perennial.lineage('churn', 1);
    expect(found).toMatchObject({
      version: { lineage: { specDigest, trainer: 'tabular' } },
      evidence: { modelSha256: digest('a') },
      approval: { standing: 'approved' },
    });
    await expect(perennial.lineage('churn', 9)).rejects.toMatchObject({
      code: 'VERSION_NOT_FOUND',
    });
  });

  test('pages the trainer log over attempts without losing or repeating a line', async () => {
    for (const attempt of [1, 2]) {
      const key = `perennial-0123456789ab-${attempt}`;
      await database.db.execute(
        sql`INSERT INTO training_run (model, delivery, attempt, key, backend) VALUES ('churn', 4, ${attempt}, ${key}, 'process')`,
      );
      await database.db.execute(
        sql`INSERT INTO metric (key, name, step, value) VALUES (${key}, 'auc', 1, 0.5), (${key}, 'auc', 2, ${attempt})`,
      );
      for (const offset of [0, 10, 20])
        await database.db.execute(
          sql`INSERT INTO training_log (key, line_offset, line) VALUES (${key}, ${offset}, ${`${attempt}/${offset}`})`,
        );
    }
    const lines: string[] = [];
    let since = '0:0';
    for (;;) {
      const page = await perennial.logs('churn', 4, { since, limit: 2 });
      if (page.lines.length === 0) break;
      lines.push(...page.lines.map(({ line }) => line));
      since = page.next;
    }
    expect(lines).toEqual(['1/0', '1/10', '1/20', '2/0', '2/10', '2/20']);
    expect((await perennial.showDelivery('churn', 4)).training).toEqual({
      attempt: 2,
      retried: null,
      step: null,
      total: null,
      metrics: { auc: 2 },
      waits: null,
    });
    expect((await perennial.logs('churn', 1)).complete).toBe(true);
  });

  test('chooses what a rollback goes to, and goes back from no version twice', async () => {
    const choose = (wanted: WantedRollback) => chooseRollback(database.db, 'churn', wanted);
    const back = { kind: 'moves', from: 2, to: 1, delivery: 1, specDigest };
    for (const wanted of [{}, { from: 2 }, { to: 1 }, { from: 2, to: 1 }])
      expect(await choose(wanted)).toEqual(back);
    for (const [wanted, from] of [
      [{ to: 2 }, 2],
      [{ from: 1 }, 1],
      [{ from: 3, to: 1 }, 3],
    ] as const)
      expect(await choose(wanted)).toMatchObject({ kind: 'unchanged', from, champion: 2 });
    for (const [to, code] of [
      [3, 'PROMOTION_REFUSED'],
      [8, 'VERSION_NOT_FOUND'],
    ] as const)
      await expect(choose({ to })).rejects.toMatchObject({ code });
  });

  test('is chained: the audit verifies', async () => {
    const answer = await api.request('/api/v1/audit/verification');
    expect(await answer.json()).toEqual({ ok: true, firstBroken: null });
    expect(await firstBrokenAuditEntry(database.db)).toBeNull();
  });

  test('tells of a training that waits for GPUs which nobody owns', async () => {
    await database.db.execute(sql`INSERT INTO placement (key, class, count, priority, since)
      SELECT key, 'h100', 2, 3, now() FROM training_run WHERE model = 'churn' AND delivery = 4 AND attempt = 2`);
    expect((await perennial.showDelivery('churn', 4)).training?.waits).toBe(
      'No worker serves GPU class h100; start one with PERENNIAL_GPUS=h100:2',
    );
    expect((await perennial.status()).unservedGpuClasses).toEqual(['h100']);
  });

  test('counts in the status, which tells that Temporal is away', async () => {
    const status = await perennial.status();
    expect(status).toMatchObject({
      ok: false,
      database: { ok: true },
      temporal: { ok: false },
      awaitingApproval: 1,
    });
  });
});
