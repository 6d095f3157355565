import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';

/** Environment variable that marks every process of one test run; processes started by tests inherit it. */
export const runMark = 'TEST_RUN';

/** Milliseconds that a process may take to see that its parent is gone. */
const farewell = 2_000;

/** Ends what tests of this run started and left, and names each. Knows only systems with /proc. */
export async function endLeftovers(mark: string): Promise<string[]> {
  const deadline = Date.now() + farewell;
  let found = await findLeftovers(mark);
  while (found.length > 0 && Date.now() < deadline) {
    await delay(50);
    found = await findLeftovers(mark);
  }
  for (const { pid } of found) process.kill(pid, 'SIGKILL');
  return found.map(({ pid, command }) => `${pid} ${command}`);
}

interface Leftover {
  pid: number;
  command: string;
}

async function findLeftovers(mark: string): Promise<Leftover[]> {
  const pids = (await readdir('/proc').catch(() => [])).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(pids.map((pid) => describeLeftover(Number(pid), mark)));
  return found.filter((each) => each !== undefined);
}

async function describeLeftover(pid: number, mark: string): Promise<Leftover | undefined> {
  const read = (name: string) => readFile(`/proc/${pid}/${name}`, 'utf8').catch(() => '');
  if (pid === process.pid) return undefined;
  const environment = (await read('environ')).split('\0');
  if (!environment.includes(`${runMark}=${mark}`)) return undefined;
  const command = (await read('cmdline')).replaceAll('\0', ' ').trim();
  // The runner's own processes end with it; so do zombies, which have no command.
  if (command === '' || command.includes('vitest')) return undefined;
  return { pid, command };
}
