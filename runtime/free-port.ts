import { createServer } from 'node:net';

/** The wished port where it is free on this host, otherwise one that the system gives. */
export async function findFreePort(host: string, wished = 0): Promise<number> {
  return (await tryPort(host, wished)) ?? (await tryPort(host, 0)) ?? 0;
}

function tryPort(host: string, port: number): Promise<number | undefined> {
  return new Promise((settle) => {
    const server = createServer();
    server.once('error', () => settle(undefined));
    server.listen({ host, port, exclusive: true }, () => {
      const address = server.address();
      const found = typeof address === 'object' ? address?.port : undefined;
      server.close(() => settle(found));
    });
  });
}
