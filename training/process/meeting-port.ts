import { once } from 'node:events';
import { createServer } from 'node:net';
import { meetingPort, meetingPorts } from '../replicas.js';

/** A port of this machine that is free now: that of the job, unless somebody has taken it. */
export async function findMeetingPort(key: string): Promise<number> {
  const { first, count } = meetingPorts;
  for (let tries = 0; tries < count; tries += 1) {
    const port = meetingPort(key, tries);
    if (await isFree(port)) return port;
  }
  throw new Error(`No port from ${first} to ${first + count - 1} is free.`);
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  const listening = once(server, 'listening');
  server.listen(port, '127.0.0.1');
  const free = await listening.then(
    () => true,
    () => false,
  );
  if (free) await new Promise((resolve) => server.close(resolve));
  return free;
}
