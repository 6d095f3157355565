import { readdir, readFile } from 'node:fs/promises';

/** A process and its children, as they are now. Knows only systems with /proc; elsewhere the process alone. */
export async function familyOf(pid: number): Promise<number[]> {
  const children = await Promise.all(
    (await runningPids()).map(async (each) => ((await parentOf(each)) === pid ? [each] : [])),
  );
  return [pid, ...children.flat()];
}

/** Processes whose command line holds each of these words. */
export async function findByCommand(...words: string[]): Promise<number[]> {
  const found = await Promise.all(
    (await runningPids()).map(async (pid) => {
      const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
      return words.every((word) => command.includes(word)) ? [pid] : [];
    }),
  );
  return found.flat();
}

async function runningPids(): Promise<number[]> {
  const names = await readdir('/proc').catch(() => []);
  return names.filter((name) => /^\d+$/.test(name)).map(Number);
}

async function parentOf(pid: number): Promise<number | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  // The second field is the name in parentheses and may hold anything, so the fields are counted from its end.
  const parent = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1];
  return parent === undefined ? undefined : Number(parent);
}
