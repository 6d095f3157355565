import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { PerennialError } from '../contracts/errors.js';
import { httpAddress } from '../runtime/http-address.js';

export interface MetricsServer {
  address: string;
  close: () => Promise<void>;
}

/**
 * Answers `GET /metrics`, and `GET /health` with 200 while all workers of the process run, 503 otherwise. Where the port is taken it listens at a
 * free one: numbers are no reason not to work. Throws CONFIG_INVALID where the host is none of this machine's.
 */
export async function startMetricsServer({
  host,
  port,
  metrics,
  states,
}: {
  host: string;
  port: number;
  metrics: { contentType: string; collect: () => Promise<string> };
  /** State of each worker by its kind, as Temporal's SDK names it. */
  states: () => Record<string, string>;
}): Promise<MetricsServer> {
  const server = createServer((request, response) => {
    const reply = (status: number, type: string, body: string) =>
      response.writeHead(status, { 'content-type': type }).end(body);
    const path = (request.url ?? '').split('?', 1)[0];
    if (path === '/health') {
      const workers = states();
      const live = Object.values(workers).every((state) => state === 'RUNNING');
      reply(live ? 200 : 503, 'application/json', JSON.stringify({ live, workers }));
    } else if (path === '/metrics') {
      metrics.collect().then(
        (text) => reply(200, metrics.contentType, text),
        (error: unknown) => reply(500, 'text/plain', String(error)),
      );
    } else reply(404, 'text/plain', 'There are /metrics and /health here.\n');
  });
  const found = (await tryListen(server, host, port)) ?? (await tryListen(server, host, 0)) ?? 0;
  return {
    address: httpAddress(host, found),
    close: () =>
      new Promise((settle) => {
        server.close(() => settle());
        server.closeAllConnections();
      }),
  };
}

/** The port that it listens at, undefined where this one is taken. */
function tryListen(server: Server, host: string, port: number): Promise<number | undefined> {
  return new Promise((settle, reject) => {
    const refuse = (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE' || error.code === 'EACCES') return settle(undefined);
      reject(
        new PerennialError(
          'CONFIG_INVALID',
          `PERENNIAL_HOST is '${host}', where this process cannot listen: ${error.message}.`,
        ),
      );
    };
    server.once('error', refuse);
    server.listen(port, host, () => {
      server.off('error', refuse);
      settle((server.address() as AddressInfo).port);
    });
  });
}
