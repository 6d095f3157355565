import { readdir, readFile } from 'node:fs/promises';

/** Environment variable that marks every process of one test run; processes started by tests inherit it. */
export const runMark = 'TEST_RUN';

/** Ends what tests of this run started and left, and names each. Knows only systems with /proc. */
export async function endLeftovers(mark: string): Promise<string[]> {
  const pids = (await readdir('/proc').catch(() => [])).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(pids.map((pid) => describeLeftover(pid, mark)));
  return found.filter((each) => each !== undefined);
}

async function describeLeftover(pid: string, mark: string): Promise<string | undefined> {
  const read = (name: string) => readFile(`/proc/${pid}/${name}`, 'utf8').catch(() => '');
  if (Number(pid) === process.pid) return undefined;
  const environment = (await read('environ')).split('\0');
  if (!environment.includes(`${runMark}=${mark}`)) return undefined;
  const command = (await read('cmdline')).replaceAll('\0', ' ').trim();
  // The runner's own processes end with it; so do zombies, which have no command.
  if (command === '' || command.includes('vitest')) return undefined;
  process.kill(Number(pid), 'SIGKILL');
  return `${pid} ${command}`;
}
