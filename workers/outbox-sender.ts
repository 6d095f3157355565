import { readFile } from 'node:fs/promises';
import { Webhook } from 'standardwebhooks';
import { PerennialError } from '../contracts/errors.js';
import type { Database } from '../db/connect.js';
import { sendWaitingEvents, type WaitingEvent } from '../db/outbox.js';
import type { Log } from '../runtime/log.js';
import { noticeOf } from './notice.js';

export interface OutboxSender {
  /** Sends what is due once; for tests and the loop. */
  sendOnce: () => Promise<{ sent: number; failed: number }>;
  stop: () => Promise<void>;
}

/**
 * Posts events to one address as Standard Webhooks: at least once, with an id that stays the same, signed, with growing pauses after
 * failures. Any 2xx is an acknowledgement; 410 means that nobody wants them and counts as one.
 */
export async function startOutboxSender({
  db,
  url,
  secretFile,
  api,
  log,
  every = 1_000,
  onRound = () => {},
}: {
  db: Database;
  url: string;
  secretFile: string | undefined;
  /** Address of the control API, for links. */
  api?: string | undefined;
  log: Log;
  /** Milliseconds between two looks into the outbox. */
  every?: number;
  onRound?: (round: { sent: number; failed: number }) => void;
}): Promise<OutboxSender> {
  const signers = await readSigners(secretFile);
  let working: Promise<void> | null = null;

  async function post(event: WaitingEvent): Promise<boolean> {
    const body = JSON.stringify(noticeOf(event, api));
    const sentAt = new Date();
    const id = `msg_${event.id}`;
    try {
      const { status } = await fetch(url, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'webhook-id': id,
          'webhook-timestamp': String(Math.floor(sentAt.getTime() / 1_000)),
          'webhook-signature': signers.map((signer) => signer.sign(id, sentAt, body)).join(' '),
        },
        body,
        redirect: 'error',
        signal: AbortSignal.timeout(10_000),
      });
      if (status === 410 || (status >= 200 && status < 300)) return true;
      log.warn('A notice was not accepted', {
        type: event.type,
        status,
        attempts: event.attempts + 1,
      });
    } catch (error) {
      log.warn('A notice could not be sent', { type: event.type, error });
    }
    return false;
  }

  const sendOnce = async () => {
    const round = await sendWaitingEvents(db, post);
    onRound(round);
    return round;
  };
  const timer = setInterval(() => {
    working ??= sendOnce()
      .then(
        () => {},
        (error: unknown) => log.warn('The outbox could not be read', { error }),
      )
      .then(() => {
        working = null;
      });
  }, every);
  return {
    sendOnce,
    async stop() {
      clearInterval(timer);
      await working;
    },
  };
}

/** One secret a line: while one replaces another, both sign, and a receiver needs only one of them. Throws CONFIG_INVALID. */
async function readSigners(path: string | undefined): Promise<Webhook[]> {
  if (path === undefined)
    throw new PerennialError(
      'CONFIG_INVALID',
      'PERENNIAL_WEBHOOK_URL is set and PERENNIAL_WEBHOOK_SECRET_FILE is not: notices are always signed.',
    );
  try {
    const secrets = (await readFile(path, 'utf8')).split('\n').map((line) => line.trim());
    return secrets
      .filter((secret, line) => secret !== '' || line === 0)
      .map((secret) => new Webhook(secret));
  } catch (error) {
    throw new PerennialError(
      'CONFIG_INVALID',
      `PERENNIAL_WEBHOOK_SECRET_FILE is '${path}', which holds no webhook secret (whsec_…): ${error instanceof Error ? error.message : String(error)}.`,
    );
  }
}
