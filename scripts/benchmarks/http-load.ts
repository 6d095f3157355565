import { connect } from 'node:net';

/** A request as bytes, so that asking costs next to nothing beside answering. */
export function postBytes(address: string, path: string, body: string): Buffer {
  const { host } = new URL(address);
  const lines = [
    `POST ${path} HTTP/1.1`,
    `host: ${host}`,
    'content-type: application/json',
    `content-length: ${Buffer.byteLength(body)}`,
  ];
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n${body}`);
}

/**
 * Sends `total` requests, taken in turn from `requests`, over `clients` connections that each ask again as soon as they are answered.
 * Fails on the first answer that is not 200.
 */
export async function sendRequests({
  address,
  requests,
  total,
  clients,
  onAnswer = () => {},
}: {
  address: string;
  requests: readonly Buffer[];
  total: number;
  clients: number;
  /** Gets the place of the request in `requests` and the answer's body. */
  onAnswer?: (request: number, body: string) => void;
}): Promise<number> {
  const { hostname, port } = new URL(address);
  let sent = 0;
  const next = (): number | undefined => (sent < total ? sent++ % requests.length : undefined);
  const client = () =>
    new Promise<void>((resolve, reject) => {
      const socket = connect({ host: hostname, port: Number(port), noDelay: true });
      let asked: number | undefined;
      let received = '';
      const ask = (): void => {
        asked = next();
        const request = asked === undefined ? undefined : requests[asked];
        if (request) socket.write(request);
        else socket.end();
      };
      socket.setEncoding('latin1');
      socket.on('connect', ask);
      socket.on('error', reject);
      socket.on('close', () => resolve());
      socket.on('data', (chunk: string) => {
        received += chunk;
        const body = wholeBody(received);
        if (body === undefined) return;
        if (!received.startsWith('HTTP/1.1 200 '))
          return void socket.destroy(new Error(`${address} answered ${received.slice(0, 300)}`));
        received = '';
        onAnswer(asked ?? 0, body);
        ask();
      });
    });
  await Promise.all(Array.from({ length: clients }, client));
  return total;
}

/** The body once all of it is there; every answer here says how long it is. */
function wholeBody(received: string): string | undefined {
  const end = received.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const length = Number(/content-length: *(\d+)/i.exec(received.slice(0, end))?.[1]);
  return received.length - end - 4 >= length ? received.slice(end + 4) : undefined;
}
