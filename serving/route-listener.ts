import pg from 'pg';
import type { Log } from '../runtime/log.js';

const channel = 'perennial_route';

/**
 * Calls `onChange` when a route changed: at once by LISTEN on a connection of its own, and every `pollEvery` milliseconds, since
 * a notice sent while the connection was lost never arrives. Returns how to stop.
 */
export function listenForRoutes({
  databaseUrl,
  log,
  onChange,
  pollEvery = 2_000,
}: {
  databaseUrl: string;
  log: Log;
  onChange: () => void;
  pollEvery?: number;
}): { stop(): Promise<void> } {
  let client: pg.Client | undefined;
  let connecting: Promise<void> | undefined;
  let stopped = false;

  const connect = async (): Promise<void> => {
    const next = new pg.Client({
      connectionString: databaseUrl,
      application_name: 'perennial-gateway-listen',
      keepAlive: true,
      connectionTimeoutMillis: 5_000,
    });
    const lost = (): void => {
      if (client === next) client = undefined;
    };
    next.on('error', lost);
    next.on('end', lost);
    next.on('notification', onChange);
    try {
      await next.connect();
      await next.query(`LISTEN ${channel}`);
    } catch (error) {
      await next.end().catch(() => {});
      throw error;
    }
    client = next;
  };

  const listenAndPoll = async (): Promise<void> => {
    if (!client) {
      try {
        await connect();
      } catch (error) {
        log.warn('Cannot listen for route changes; polling goes on', {
          error: error instanceof Error ? error.message : String(error),
        });
      }
    }
    if (!stopped) onChange();
  };

  const tick = (): void => {
    connecting ??= listenAndPoll().finally(() => (connecting = undefined));
  };
  tick();
  const timer = setInterval(tick, pollEvery);
  return {
    async stop() {
      stopped = true;
      clearInterval(timer);
      await connecting;
      await client?.end();
    },
  };
}
