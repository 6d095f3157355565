import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { serve } from '@hono/node-server';
import { Client, Connection } from '@temporalio/client';
import { Webhook } from 'standardwebhooks';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createApprovalActivities } from '../../activities/approval.js';
import { createApi } from '../../api/app.js';
import { createApiMetrics } from '../../api/metrics.js';
import { createPerennial } from '../../client/index.js';
import type { DeliveryDetail, Lineage } from '../../contracts/overview.js';
import { systemClock } from '../../runtime/clock.js';
import { silentLog } from '../../runtime/log.js';
import { startOutboxSender } from '../../workers/outbox-sender.js';
import { applicationOf, digest, rememberChampion, rememberVersion } from '../api/remembered.js';
import { temporaryFolder } from '../support/artifacts.js';
import { freshDatabase, type FreshDatabase } from '../support/postgres.js';
import { promtool, runPromtool } from './promtool.js';

/** A model with a champion, and a second version that waits for bob. */
const model = 'flights';
let database: FreshDatabase;
let api: string;
let server: ReturnType<typeof serve>;
beforeAll(async () => {
  database = await freshDatabase();
  const { db } = database;
  const client = new Client({ connection: Connection.lazy({ address: '127.0.0.1:1' }) });
  const metrics = createApiMetrics({ db, log: silentLog });
  const app = createApi({ db, engine: { client, patience: 100 }, log: silentLog, metrics });
  server = serve({ fetch: app.fetch, hostname: '127.0.0.1', port: 0 });
  await once(server, 'listening');
  api = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const applied = await createPerennial({ url: api }).apply(applicationOf(model));
  const given = { model, specDigest: applied.digest };
  await rememberVersion(db, { ...given, version: 1 });
  await rememberChampion(db, model, 1);
  await rememberVersion(db, { ...given, version: 2, standing: 'open' });
});
afterAll(async () => {
  server.close();
  await database.close();
});

test('Prometheus is told who waits, what serves and when it was last checked', async () => {
  const text = await (await fetch(`${api}/metrics`)).text();
  const valueOf = (series: string) =>
    Number(
      text
        .split('\n')
        .find((line) => line.startsWith(`${series} `))
        ?.split(' ')[1],
    );
  expect(valueOf('perennial_delivery_age_seconds{model="flights",stage="approve"}')).toBeLessThan(
    60,
  );
  expect(valueOf('perennial_approval_waiting_seconds{model="flights"}')).toBeLessThan(60);
  expect(valueOf('perennial_approval_remaining_seconds{model="flights"}')).toBeGreaterThan(7e6);
  expect(valueOf('perennial_champion_version{model="flights"}')).toBe(1);
  expect(valueOf('perennial_monitor_check_age_seconds{model="flights"}')).toBeLessThan(60);
  expect(valueOf('perennial_monitor_interval_seconds{model="flights"}')).toBe(3_600);
  expect(valueOf('perennial_deliveries_closed_total{model="flights",outcome="promoted"}')).toBe(1);
  expect(valueOf('perennial_deliveries_closed_total{model="flights",outcome="failed"}')).toBe(0);
  expect(text).not.toContain('perennial_drift');
  if (promtool) runPromtool(['check', 'metrics'], text.replaceAll(/^(# \w+ )?nodejs_.*\n/gm, ''));
});

test('whoever is awaited is told by a signed notice, whose links lead to exactly the evidence it names', async () => {
  const heard: { headers: Record<string, string>; body: string }[] = [];
  const receiver = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString();
      heard.push({ headers: request.headers as Record<string, string>, body });
      response.writeHead(204).end();
    });
  }).listen(0, '127.0.0.1');
  await once(receiver, 'listening');
  const [older, newer] = ['an older', 'a newer'].map(
    (word) => `whsec_${Buffer.from(`${word} secret of the receiver`).toString('base64')}`,
  );
  const secretFile = join(await temporaryFolder(), 'secrets');
  await writeFile(secretFile, `${newer}\n${older}\n`);
  const sender = await startOutboxSender({
    db: database.db,
    url: `http://127.0.0.1:${(receiver.address() as AddressInfo).port}`,
    secretFile,
    api,
    log: silentLog,
    every: 60_000,
  });

  const approvals = createApprovalActivities({ db: database.db, clock: systemClock });
  await approvals.remindApprovers({ model, delivery: 2, kind: 'reminder', to: ['bob'] });
  await approvals.remindApprovers({ model, delivery: 2, kind: 'reminder', to: ['bob'] });
  expect(await sender.sendOnce()).toEqual({ sent: 1, failed: 0 });
  await sender.stop();
  receiver.close();

  const { body, headers } = heard[0] ?? { body: '', headers: {} };
  for (const secret of [older, newer]) new Webhook(secret ?? '').verify(body, headers);
  expect(() =>
    new Webhook(Buffer.from('a stranger').toString('base64')).verify(body, headers),
  ).toThrow(/signature/);
  const { type, data } = JSON.parse(body) as {
    type: string;
    data: { evidence: string; links: { delivery: string; evidence: string } };
  };
  expect(type).toBe('approval.reminder');
  expect(data).toMatchObject({
    model,
    delivery: 2,
    version: 2,
    to: ['bob'],
    evidence: digest('2'),
  });
  const open = async (link: string): Promise<unknown> => (await fetch(link)).json();
  const { approval } = (await open(data.links.delivery)) as DeliveryDetail;
  expect(approval).toMatchObject({ standing: 'open', evidence: data.evidence });
  const { version } = (await open(data.links.evidence)) as Lineage;
  expect(version).toMatchObject({ version: 2, evidence: data.evidence });
});

test('notices without a secret are not sent at all', async () => {
  await expect(
    startOutboxSender({ db: database.db, url: api, secretFile: undefined, log: silentLog }),
  ).rejects.toThrow(/PERENNIAL_WEBHOOK_SECRET_FILE is not: notices are always signed/);
});
