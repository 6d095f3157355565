import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sql } from 'drizzle-orm';
import { Webhook } from 'standardwebhooks';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { addToOutbox } from '../../db/outbox.js';
import { silentLog } from '../../runtime/log.js';
import { startOutboxSender } from '../../workers/outbox-sender.js';
import { temporaryFolder } from '../support/artifacts.js';
import { freshDatabase, type FreshDatabase } from '../support/postgres.js';

let database: FreshDatabase;
const received: { headers: Record<string, string>; body: string }[] = [];
let answer = 500;
const server = createServer((request, response) => {
  let body = '';
  request.on('data', (chunk: Buffer) => (body += chunk.toString()));
  request.on('end', () => {
    received.push({ headers: request.headers as Record<string, string>, body });
    response.writeHead(answer).end();
  });
});
let url: string;
beforeAll(async () => {
  database = await freshDatabase();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
});
afterAll(async () => {
  server.close();
  await database.close();
});

test('an event is kept once, tried again after a failure, and arrives signed with one id', async () => {
  const secret = `whsec_${Buffer.from('a secret of some length').toString('base64')}`;
  const secretFile = join(await temporaryFolder(), 'secret');
  await writeFile(secretFile, `${secret}\n`);
  const event = {
    key: 'version.promoted/m/1',
    type: 'version.promoted',
    subject: 'm v1',
    payload: { version: 1 },
  };
  await addToOutbox(database.db, event);
  await addToOutbox(database.db, event);
  const sender = await startOutboxSender({
    db: database.db,
    url,
    secretFile,
    log: silentLog,
    every: 60_000,
  });

  expect(await sender.sendOnce()).toEqual({ sent: 0, failed: 1 });
  // Its time has not come: a failure is followed by a pause.
  expect(await sender.sendOnce()).toEqual({ sent: 0, failed: 0 });
  await database.db.execute(sql`UPDATE outbox SET next_attempt_at = now()`);
  answer = 204;
  expect(await sender.sendOnce()).toEqual({ sent: 1, failed: 0 });
  expect(await sender.sendOnce()).toEqual({ sent: 0, failed: 0 });

  expect(received).toHaveLength(2);
  expect(received[1]?.headers['webhook-id']).toBe(received[0]?.headers['webhook-id']);
  const { body, headers } = received[1] ?? { body: '', headers: {} };
  expect(new Webhook(secret).verify(body, headers)).toMatchObject({
    type: 'version.promoted',
    data: { subject: 'm v1', version: 1 },
  });
  await sender.stop();
});

test('a secret that is none is refused at the start', async () => {
  const secretFile = join(await temporaryFolder(), 'secret');
  await writeFile(secretFile, '');
  await expect(
    startOutboxSender({ db: database.db, url, secretFile, log: silentLog }),
  ).rejects.toThrow(/PERENNIAL_WEBHOOK_SECRET_FILE/);
});
