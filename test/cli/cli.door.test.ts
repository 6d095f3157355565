import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startLivingApi, type LivingApi } from '../api/living-api.js';
import { eventually } from '../workflows/world.js';
import { runPerennial, startPart, type Ended } from './perennial.js';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'perennial-cli-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** What a trainer of the first delivery would have written. */
async function rememberWords(db: LivingApi['database']['db'], model: string): Promise<void> {
  await db.execute(sql`INSERT INTO training_log (key, line_offset, line)
    SELECT key, at, line FROM training_run, (VALUES (0, 'one'), (4, 'two')) AS written (at, line)
    WHERE model = ${model} AND delivery = 1 AND attempt = 1`);
}

function jsonOf(ended: Ended): Record<string, unknown> {
  return JSON.parse(ended.stdout) as Record<string, unknown>;
}

describe('without a server', () => {
  test('init writes what check accepts, and replaces nothing by itself', async () => {
    const init = await runPerennial(['init', 'churn', '--as', 'ada'], { cwd: folder });
    expect(init).toMatchObject({ code: 0, stderr: '' });
    const check = await runPerennial(['check', 'churn/model.yaml'], { cwd: folder });
    expect(check).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('churn/model.yaml is valid: model churn') as string,
    });
    const again = await runPerennial(['init', 'churn'], { cwd: folder });
    expect(again).toMatchObject({ code: 1, stdout: '' });
    expect(again.stderr).toContain('is there already; --force replaces it');
  });

  test('check lists every problem with line and column and exits with 1', async () => {
    const text = await readFile(join(folder, 'churn/model.yaml'), 'utf8');
    await writeFile(
      join(folder, 'churn/bad.yaml'),
      text.replace('seed: 1', 'seeed: 1').replace('holdout: 0.2', 'holdout: 2'),
    );
    const check = await runPerennial(['check', 'churn/bad.yaml'], { cwd: folder });
    expect(check.code).toBe(1);
    expect(check.stderr).toMatch(
      /churn\/bad\.yaml:\d+:\d+ data\.holdout: .*\n.*churn\/bad\.yaml:\d+:3 training\.seeed: there is no key 'seeed' here; did you mean 'seed'\?/,
    );
    const asJson = await runPerennial(['check', 'churn/bad.yaml', '--json'], { cwd: folder });
    expect(asJson).toMatchObject({ code: 1, stderr: '' });
    expect(jsonOf(asJson)).toMatchObject({
      error: {
        code: 'SPEC_INVALID',
        details: { problems: [{ line: expect.any(Number) as number }, {}] },
      },
    });
  });

  test('a call that is wrong exits with 2 and says so on stderr alone', async () => {
    const ended = await runPerennial(['delivr'], { cwd: folder });
    expect(ended).toMatchObject({ code: 2, stdout: '' });
    expect(ended.stderr).toContain('Did you mean deliver?');
  });

  test('a server that is away is exit 3 with the remedy', async () => {
    const environment = { PERENNIAL_API: 'http://127.0.0.1:1' };
    const ended = await runPerennial(['list'], { cwd: folder, environment });
    expect(ended).toMatchObject({ code: 3, stdout: '' });
    expect(ended.stderr).toMatch(/Nobody listens at http:\/\/127\.0\.0\.1:1\.\n.*perennial up/);
  });

  test('the address of the running stack is taken from its notes', async () => {
    const home = join(folder, 'home');
    await runPerennial(['init', 'home'], { cwd: folder });
    const parts = [{ name: 'api', pid: 1, address: 'http://127.0.0.1:2' }];
    await writeFile(join(home, 'stack.json'), JSON.stringify({ parts }));
    const ended = await runPerennial(['list'], {
      cwd: folder,
      environment: { PERENNIAL_HOME: home },
    });
    expect(ended.stderr).toContain('Nobody listens at http://127.0.0.1:2.');
  });
});

describe('against a living server', () => {
  let living: LivingApi;
  let api: Awaited<ReturnType<typeof startPart>>;
  const run = (...args: string[]) =>
    runPerennial(args, { cwd: folder, environment: { PERENNIAL_API: api.address } });

  beforeAll(async () => {
    living = await startLivingApi();
    api = await startPart('api/main.ts', {
      DATABASE_URL: living.database.url,
      TEMPORAL_ADDRESS: living.namespace.address,
      TEMPORAL_NAMESPACE: living.namespace.namespace,
      PERENNIAL_API_PORT: '0',
    });
    await runPerennial(['init', 'flights', '--as', 'ada'], { cwd: folder });
  });
  afterAll(async () => {
    await api.stop();
    await living.end();
  });

  test('a model goes from its file to its champion and back', async () => {
    expect((await run('list')).stdout).toContain('No models yet.');
    const applied = await run('apply', 'flights/model.yaml', '--json', '--as', 'ada');
    expect(jsonOf(applied)).toMatchObject({ model: 'flights', created: true });
    expect((await run('apply', 'flights/model.yaml', '--as', 'ada')).stdout).toContain(
      'flights unchanged, spec',
    );

    const waiting = run('deliver', 'flights', '--wait', '--as', 'ada', '--reason', 'first one');
    const { evidence } = await eventually(
      'an open approval',
      async () => (await living.perennial.listApprovals())[0],
    );
    expect((await run('list', '--awaiting')).stdout).toContain(evidence);
    const shown = await run('show', 'flights');
    expect(shown.stdout).toContain(`evidence  ${evidence}`);

    const unasked = await run('approve', 'flights', '--reason', 'good', '--as', 'bob');
    expect(unasked).toMatchObject({ code: 2, stdout: expect.stringContaining(evidence) as string });
    const forged = await run(
      'approve',
      'flights',
      '--reason',
      'good',
      '--as',
      'bob',
      '--evidence',
      '0'.repeat(64),
    );
    expect(forged).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('EVIDENCE_MISMATCH') as string,
    });
    const own = await run('approve', 'flights', '--reason', 'good', '--as', 'ada', '--yes');
    expect(own).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('SELF_APPROVAL') as string,
    });
    const approved = await run(
      'approve',
      'flights',
      '--reason',
      'good',
      '--as',
      'bob',
      '--yes',
      '--json',
    );
    expect(jsonOf(approved)).toMatchObject({ admitted: true, standing: 'approved' });

    const delivered = await waiting;
    expect(delivered).toMatchObject({ code: 0, stderr: '' });
    expect(delivered.stdout).toMatch(
      /flights delivery 1, manual: first one\n[^]*to answer: perennial approve flights --evidence [0-9a-f]{64}[^]*promoted v1: /,
    );
    // No escape sequence reaches a reader that is not a terminal.
    expect(delivered.stdout).not.toContain('\u001b');

    const lineage = await run('lineage', 'flights');
    expect(lineage.stdout).toMatch(/flights v1, delivery 1[^]*vote {8}bob: approve \(good\)/);
    expect(jsonOf(await run('watch', 'flights', '--json'))).toMatchObject({
      delivery: { outcome: 'promoted' },
    });
    expect((await run('status', 'flights')).stdout).toMatch(/^flights delivery 1, promoted: /);
    expect(await run('logs', 'flights')).toMatchObject({ code: 0 });
    expect((await run('list')).stdout).toMatch(/flights +my-team +v1 +1 +1, .* promoted/);
  });

  test('logs end with the training, a line of text or one object each', async () => {
    await rememberWords(living.database.db, 'flights');
    const one = ['--delivery', '1'];
    const followed = await run('logs', 'flights', ...one, '--follow', '--since', '1h');
    expect(followed).toEqual({ code: 0, stdout: 'one\ntwo\n', stderr: '' });
    const told = (await run('logs', 'flights', ...one, '--json', '--attempt', '1')).stdout.trim();
    expect(told.split('\n').map((line) => JSON.parse(line) as unknown)).toMatchObject([
      { attempt: 1, rank: null, offset: 0, line: 'one' },
      { attempt: 1, offset: 4, line: 'two' },
    ]);
  });

  test('a release is steered, and a refusal is exit 1 with its code', async () => {
    living.judgeSays(null);
    const waiting = run('deliver', 'flights', '--wait', '--json', '--as', 'ada');
    await eventually('an open approval', async () => (await living.perennial.listApprovals())[0]);
    await run('approve', 'flights', '--reason', 'good', '--as', 'bob', '--yes');
    await eventually(
      'the canary',
      async () => (await living.perennial.showModel('flights')).release?.status === 'canary',
    );
    expect(await run('resume', 'flights')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(
        'RELEASE_STATE Cannot resume: the release is canary',
      ) as string,
    });
    expect(jsonOf(await run('pause', 'flights', '--json'))).toMatchObject({ status: 'paused' });
    expect(await run('rollback', 'flights', '--reason', 'no', '--as', 'ada')).toMatchObject({
      code: 0,
      stdout: 'flights release of v2 ended, v1 has all traffic again. abort by ada: rollback: no\n',
    });
    const ended = await waiting;
    expect(ended.code).toBe(1);
    expect(jsonOf(ended)).toMatchObject({ delivery: { outcome: 'rolled-back', number: 2 } });

    expect(await run('rollback', 'flights', '--reason', 'no', '--as', 'ada')).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^flights unchanged\. v2 is not the champion, v1 is/) as string,
    });
    const nowhere = await run('rollback', 'flights', '--reason', 'x', '--from', '1');
    expect(nowhere).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('VERSION_NOT_FOUND') as string,
    });
    const third = await living.perennial.startDelivery({ model: 'flights', requestedBy: 'ada' });
    await eventually('its row', async () => {
      const { runId } = third;
      return (await living.perennial.listDeliveries('flights', { runId }))[0];
    });
    const cancel = () => run('cancel', 'flights', '--reason', 'wrong rows', '--as', 'bob');
    expect(await cancel()).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^flights delivery 3 cancelled: .*bob.*wrong rows/) as string,
    });
    expect(await cancel()).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('the newest, 3, ended as cancelled.') as string,
    });
    expect((await run('monitor', 'flights')).stdout).toMatch(
      /^flights monitor (waiting|checking)[^]*\nevery {5}1h, as the spec says\n/,
    );
    expect((await run('retire', 'flights', '--reason', 'done')).stdout).toMatch(
      /^flights retired, its monitor ends\nv1 goes on answering/,
    );
    expect((await run('retire', 'flights', '--off-air')).stdout).toContain('It is off the air');
    expect((await run('deliver', 'flights')).stderr).toContain('MODEL_RETIRED');
  });
});

test('the API refuses to listen beyond this machine while it asks for no token', async () => {
  const starting = startPart('api/main.ts', {
    DATABASE_URL: 'postgres://u:p@127.0.0.1:1/d',
    TEMPORAL_ADDRESS: '127.0.0.1:1',
    PERENNIAL_HOST: '0.0.0.0',
  });
  await expect(starting).rejects.toThrow('ended before it was ready');
});
