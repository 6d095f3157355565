import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { inferAnswer } from '../../contracts/serving.js';
import { readServingCost } from '../../db/money/serving-cost.js';
import { setPriceBook } from '../../db/money/price-book.js';
import { silentLog } from '../../runtime/log.js';
import { createGateway, type Gateway } from '../../serving/gateway.js';
import { prices } from '../governance/prices.js';
import { temporaryArtifacts, temporaryFolder } from '../support/artifacts.js';
import { freshDatabase, type FreshDatabase } from '../support/postgres.js';
import { inferBody, moveRoute, post, registerModel } from './served-model.js';

let database: FreshDatabase;
let gateway: Gateway;
let address: string;

beforeAll(async () => {
  database = await freshDatabase();
  const artifacts = await temporaryArtifacts();
  const { db } = database;
  await registerModel(db, artifacts, { model: 'delay', files: ['champion.onnx', 'worse.onnx'] });
  await moveRoute(db, {
    model: 'delay',
    revision: 1,
    arms: [{ version: 1, share: 1, role: 'champion' }],
  });
  await registerModel(db, artifacts, { model: 'strict', files: ['unseen-error.onnx'] });
  await moveRoute(db, {
    model: 'strict',
    revision: 1,
    arms: [{ version: 1, share: 1, role: 'champion' }],
  });
  gateway = await createGateway({
    databaseUrl: database.url,
    db,
    pool: database.pool,
    artifacts,
    log: silentLog,
    home: await temporaryFolder(),
    installation: 'test',
    limits: { maximumBodyBytes: 100_000, reckonEvery: 100 },
  });
  address = await gateway.listen({ port: 0, host: '127.0.0.1' });
});
afterAll(async () => {
  await gateway?.close();
  await database?.close();
});

async function get(path: string): Promise<{ status: number; body: unknown }> {
  const response = await fetch(`${address}${path}`);
  return { status: response.status, body: await response.json() };
}

async function stored(id: string): Promise<Record<string, unknown>[]> {
  const { rows } = await database.db.execute(
    sql`SELECT *, event_time::text AS at FROM prediction WHERE id = ${id} OR id LIKE ${`${id}/%`} ORDER BY id`,
  );
  return rows;
}

/** Waits until the flusher has been by. */
async function storedRows(id: string, count: number): Promise<Record<string, unknown>[]> {
  await expect.poll(() => stored(id), { timeout: 10_000 }).toHaveLength(count);
  return stored(id);
}

describe('the Open Inference Protocol', () => {
  it('tells health and metadata', async () => {
    expect(await get('/v2')).toMatchObject({ status: 200, body: { name: 'perennial' } });
    expect(await get('/v2/health/live')).toEqual({ status: 200, body: { live: true } });
    expect(await get('/v2/health/ready')).toEqual({ status: 200, body: { ready: true } });
    expect(await get('/v2/models/delay/ready')).toMatchObject({ status: 200 });
    expect(await get('/v2/models/delay/versions/2/ready')).toMatchObject({ status: 200 });
    expect(await get('/v2/models/delay')).toEqual({
      status: 200,
      body: {
        name: 'delay',
        versions: ['1'],
        platform: 'onnx_onnxv1',
        inputs: [
          { name: 'distance', datatype: 'FP32', shape: [-1, 1] },
          { name: 'hour', datatype: 'FP32', shape: [-1, 1] },
          { name: 'origin', datatype: 'BYTES', shape: [-1, 1] },
        ],
        outputs: [{ name: 'probability', datatype: 'FP32', shape: [-1, 1] }],
      },
    });
  });

  it('answers one row and stores it under its id, entity and event time', async () => {
    const parameters = { entity: 'N123', eventTime: '2001-02-03T04:05:06Z' };
    const { status, body } = await post(
      address,
      '/v2/models/delay/infer',
      inferBody(1, { id: 'single', parameters }),
    );
    expect(status).toBe(200);
    expect(inferAnswer.parse(body)).toEqual(body);
    expect(body).toMatchObject({
      model_name: 'delay',
      model_version: '1',
      id: 'single',
      parameters: { role: 'champion', revision: 1 },
      outputs: [{ name: 'probability', datatype: 'FP32', shape: [1, 1] }],
    });
    const [row] = await storedRows('single', 1);
    const [output] = body.outputs as { data: number[] }[];
    // sigmoid(100 km × 0.0003 + hour 0 + ATL 0.4 − 2.2)
    expect(output?.data[0]).toBeCloseTo(1 / (1 + Math.exp(1.77)), 6);
    expect(row).toMatchObject({
      model: 'delay',
      version: 1,
      role: 'champion',
      entity: 'N123',
      score: output?.data[0],
      error: null,
      inputs: { distance: 100, hour: 0, origin: 'ATL' },
      gateway: gateway.gateway,
    });
    expect(row?.at).toMatch(/^2001-02-0/);
  });

  it('answers a thousand rows, each under its own id', async () => {
    const { body } = await post(
      address,
      '/v2/models/delay/infer',
      inferBody(1_000, { id: 'batch' }),
    );
    const [output] = body.outputs as { shape: number[]; data: number[] }[];
    expect(output?.shape).toEqual([1_000, 1]);
    expect(output?.data).toHaveLength(1_000);
    const rows = await storedRows('batch', 1_000);
    const row7 = rows.find(({ id }) => id === 'batch/7');
    expect(row7?.score).toBe(output?.data[7]);
  });

  it('counts what answering takes, by the prices there are', async () => {
    await setPriceBook(database.db, { content: prices, by: 'ann' });
    const usage = async () => (await readServingCost(database.db, 'delay')).get(2);
    await post(address, '/v2/models/delay/versions/2/infer', inferBody(20));
    await expect.poll(async () => (await usage())?.predictions).toBe(20);
    const { amount = 0, processorSeconds = 0 } = (await usage()) ?? {};
    expect(amount).toBeGreaterThan(0);
    // Memory costs nothing here, and a core a thousand millionths a second.
    expect(amount).toBe(Math.floor(processorSeconds * 1_000));
  });

  it('gives an id to a request without one', async () => {
    const { body } = await post(address, '/v2/models/delay/infer', inferBody(1));
    expect(body.id).toMatch(/^[0-9a-f-]{36}$/);
    await storedRows(String(body.id), 1);
  });

  it('answers from a version that is asked for, outside every arm', async () => {
    const { body } = await post(
      address,
      '/v2/models/delay/versions/2/infer',
      inferBody(1, { id: 'pinned' }),
    );
    expect(body).toMatchObject({ model_version: '2', parameters: { role: 'direct' } });
    expect(await storedRows('pinned', 1)).toMatchObject([{ version: 2, role: 'direct' }]);
  });

  it('takes a missing number, and tells it apart in the log', async () => {
    const body = inferBody(1, { id: 'missing' });
    const [distance] = body.inputs;
    if (distance) distance.data = [null];
    const answer = await post(address, '/v2/models/strict/infer', body);
    // This model has no answer for a missing number: its error is logged, and it is the model's, not ours.
    expect(answer).toMatchObject({ status: 500, body: { code: 'MODEL_FAILED' } });
    const [row] = await storedRows('missing', 1);
    expect(row).toMatchObject({ score: null, inputs: { distance: null, hour: 0 } });
  });
});

describe('a model that fails on a row', () => {
  it('fails that row alone, among requests answered together', async () => {
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, index) =>
        post(
          address,
          '/v2/models/strict/infer',
          inferBody(1, { id: `strict-${index}`, origin: index % 10 === 3 ? 'XXX' : 'ATL' }),
        ),
      ),
    );
    for (const [index, { status, body }] of answers.entries()) {
      const expected = index % 10 === 3 ? [500, 'MODEL_FAILED'] : [200, undefined];
      expect([status, body.code]).toEqual(expected);
    }
    const [failed] = await storedRows('strict-3', 1);
    expect(failed?.score).toBeNull();
    expect(failed?.error).toMatch(/could not answer/);
    await expect
      .poll(async () => {
        const { rows } = await database.db.execute(
          sql`SELECT sum((counts->>'errors')::int)::int AS errors FROM window_count WHERE model = 'strict'`,
        );
        return rows[0]?.errors;
      })
      // Four here, one missing number above.
      .toBe(5);
  });

  it('names the rows of a batch that have no answer', async () => {
    const body = inferBody(3, { id: 'partly' });
    const origin = body.inputs[2];
    if (origin) origin.data = ['ATL', 'XXX', 'ORD'];
    const answer = await post(address, '/v2/models/strict/infer', body);
    expect(answer.status).toBe(500);
    expect(answer.body.error).toMatch(/^Row 1: /);
    expect(await storedRows('partly', 1)).toMatchObject([{ id: 'partly/1' }]);
  });
});

describe('wrong requests', () => {
  const inferAt = '/v2/models/delay/infer';
  const labelsAt = '/v2/models/delay/labels';
  const unknown = /^Request for unknown model/;
  it.each([
    ['about an unknown model', '/v2/models/nobody/infer', {}, 404, 'MODEL_NOT_FOUND', unknown],
    [
      'about an unknown version',
      '/v2/models/delay/versions/9/infer',
      {},
      404,
      'VERSION_NOT_FOUND',
      unknown,
    ],
    [
      'about a version that is no number',
      '/v2/models/delay/versions/x/infer',
      {},
      404,
      'VERSION_NOT_FOUND',
      unknown,
    ],
    [
      'for labels of a version',
      '/v2/models/delay/versions/1/labels',
      {},
      404,
      'ROUTE_NOT_FOUND',
      /nothing at/,
    ],
    ['elsewhere', '/v3', {}, 404, 'ROUTE_NOT_FOUND', /nothing at \/v3/],
    ['with half a JSON', inferAt, '{"inputs":', 400, 'NOT_JSON', /not JSON/],
    ['with an empty body', inferAt, '', 400, 'NOT_JSON', /empty/],
    ['without inputs', inferAt, {}, 400, 'REQUEST_SHAPE', /'inputs' must be a list/],
    ['without a tensor', inferAt, { inputs: [] }, 400, 'REQUEST_SHAPE', /'distance' is missing/],
    ['without a label', labelsAt, { labels: [] }, 400, 'REQUEST_SHAPE', /labels/],
    [
      'with a label that is neither',
      labelsAt,
      { labels: [{ id: 'a', label: 2 }] },
      400,
      'REQUEST_SHAPE',
      /label/,
    ],
    [
      'with a NUL in a label',
      labelsAt,
      { labels: [{ id: '\0', label: 1 }] },
      400,
      'REQUEST_SHAPE',
      /NUL/,
    ],
    [
      'with a body too large',
      inferAt,
      'x'.repeat(100_001),
      413,
      'BODY_TOO_LARGE',
      /100001 bytes; 100000/,
    ],
    ['by POST for a description', '/v2/models/delay', {}, 405, 'METHOD_NOT_ALLOWED', /GET is/],
  ])('%s are refused in a sentence', async (_, path, body, status, code, error) => {
    const answer = await post(address, path, body);
    expect(answer).toMatchObject({ status, body: { code } });
    expect(answer.body.error).toMatch(error);
    expect(answer.body.error).not.toMatch(/node_modules|\.ts:\d/);
  });

  it('leave no label behind and count no prediction', async () => {
    const { rows } = await database.pool.query('SELECT count(*)::int AS labels FROM label');
    expect(rows).toEqual([{ labels: 0 }]);
    const text = await (await fetch(`${address}/metrics`)).text();
    expect(text).not.toMatch(/perennial_predictions_total\{model="(?!delay|strict)/);
  });

  it('with a body in pieces beyond the bound is cut off', async () => {
    const body = new ReadableStream({
      pull: (controller) => controller.enqueue(new Uint8Array(60_000)),
    });
    const request = fetch(`${address}/v2/models/delay/infer`, {
      method: 'POST',
      body,
      duplex: 'half',
    } as RequestInit);
    // The answer, or its connection closing under an endless body: either way the gateway goes on.
    const status = await request.then((response) => response.status).catch(() => 413);
    expect(status).toBe(413);
    expect(await get('/v2/health/live')).toMatchObject({ status: 200 });
  });

  it('by the wrong method name the right one', async () => {
    const response = await fetch(`${address}/v2/models/delay/infer`);
    expect(response.status).toBe(405);
    expect(response.headers.get('allow')).toBe('POST');
  });
});

describe('labels', () => {
  it('are stored once by the id of the prediction', async () => {
    const labels = [
      { id: 'single', label: 1, eventTime: '2001-02-03T06:00:00Z' },
      { id: 'batch/7', label: 0 },
    ];
    expect(await post(address, '/v2/models/delay/labels', { labels })).toEqual({
      status: 200,
      body: { stored: 2, duplicates: 0 },
    });
    expect((await post(address, '/v2/models/delay/labels', { labels })).body).toEqual({
      stored: 0,
      duplicates: 2,
    });
  });
});

describe('metrics', () => {
  it('tell Prometheus what was answered, refused and stored', async () => {
    const text = await (await fetch(`${address}/metrics`)).text();
    expect(text).toMatch(
      /perennial_predictions_total\{model="delay",version="1",role="champion"\} 100\d/,
    );
    expect(text).toMatch(/perennial_requests_refused_total\{code="NOT_JSON"\} 2/);
    expect(text).toMatch(/perennial_route_revision\{model="delay"\} 1/);
    expect(text).toMatch(/perennial_log_dropped_rows_total 0/);
    expect(text).toMatch(/perennial_log_stored_rows_total 10\d\d/);
  });
});
