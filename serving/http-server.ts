import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { PerennialError } from '../contracts/errors.js';
import type { Log } from '../runtime/log.js';
import { errorReply, sendReply, type Reply } from './http-exchange.js';
import type { GatewayMetrics } from './metrics.js';

/** Longest time that requests under way get when the gateway stops. */
const closingPatience = 10_000;

/** A server that gives every request the reply of `answer`, or that of the error it threw. */
export function createHttpServer(
  answer: (request: IncomingMessage) => Promise<Reply> | Reply,
  metrics: GatewayMetrics,
  log: Log,
): Server {
  // Longer than the usual 60 seconds of load balancers, so that they close idle connections first.
  const server = createServer({ keepAliveTimeout: 65_000, noDelay: true }, (request, response) => {
    void respond(request, response);
  });
  const respond = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const reply = await replyTo(request);
    try {
      // While the gateway stops, every answer ends its connection.
      if (!server.listening) response.shouldKeepAlive = false;
      sendReply(response, reply);
    } catch (error) {
      log.error('An answer could not be sent', { error: String(error) });
      response.destroy();
    }
  };
  const replyTo = async (request: IncomingMessage): Promise<Reply> => {
    try {
      return await answer(request);
    } catch (error) {
      return refuse(error, request);
    }
  };
  const refuse = (error: unknown, request: IncomingMessage): Reply => {
    const known = error instanceof PerennialError ? error : unexpected(error, request);
    metrics.refused.inc({ code: known.code });
    const reply = errorReply(known);
    if (typeof known.details.allow === 'string') reply.headers = { allow: known.details.allow };
    return reply;
  };
  const unexpected = (error: unknown, request: IncomingMessage): PerennialError => {
    const requestId = randomUUID();
    const stack = error instanceof Error ? error.stack : undefined;
    const { method, url: path } = request;
    log.error('A request failed', { requestId, method, path, error, stack });
    return new PerennialError('INTERNAL', `The request failed; the log has it under ${requestId}.`);
  };
  return server;
}

/** Begins to accept; gives the address. Throws PORT_TAKEN. */
export function listen(
  server: Server,
  { port, host }: { port: number; host: string },
): Promise<string> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const taken = error.code === 'EADDRINUSE';
      reject(taken ? new PerennialError('PORT_TAKEN', `Port ${port} on ${host} is taken.`) : error);
    });
    server.listen(port, host, () => {
      const { port: given } = server.address() as AddressInfo;
      resolve(`http://${host.includes(':') ? `[${host}]` : host}:${given}`);
    });
  });
}

/** Stops accepting and lets what is under way end. */
export async function closeServer(server: Server): Promise<void> {
  if (!server.listening) return;
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  const insist = setTimeout(() => server.closeAllConnections(), closingPatience);
  await closed;
  clearTimeout(insist);
}
