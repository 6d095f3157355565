import { execFileSync } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import type { Measure } from './pairs.js';

let ticks: number | undefined;

interface ProcessLine {
  pid: number;
  parent: number;
  /** Clock ticks, those of children that have ended included. */
  used: number;
}

/** Seconds of processor time that these processes and all that descend from them have used so far. Linux only. */
export async function processorTime(pids: readonly number[]): Promise<number> {
  ticks ??= Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));
  const lines = await readProcesses();
  const family = new Set(pids);
  for (let grown = -1; grown !== family.size;) {
    grown = family.size;
    for (const { pid, parent } of lines) if (family.has(parent)) family.add(pid);
  }
  const used = lines.filter(({ pid }) => family.has(pid)).reduce((sum, line) => sum + line.used, 0);
  return used / ticks;
}

/** What `work` cost in these processes and their children; `work` returns the number of its operations. */
export async function measureProcesses(
  pids: readonly number[],
  work: () => Promise<number>,
): Promise<Measure> {
  const before = await processorTime(pids);
  const began = performance.now();
  const operations = await work();
  const wall = (performance.now() - began) / 1_000;
  return { cpu: (await processorTime(pids)) - before, wall, operations };
}

/** Resident memory in megabytes, all descendants left out. Linux only. */
export async function residentMegabytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) / 1_024;
}

async function readProcesses(): Promise<ProcessLine[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const lines = await Promise.all(pids.map(readProcess));
  return lines.filter((line) => line !== undefined);
}

async function readProcess(pid: number): Promise<ProcessLine | undefined> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    // The second field is the name in parentheses and may hold anything, so the fields are counted from its end.
    const fields = stat
      .slice(stat.lastIndexOf(')') + 2)
      .split(' ')
      .map(Number);
    const used = fields.slice(11, 15).reduce((sum, each) => sum + each, 0);
    return { pid, parent: fields[1] ?? 0, used };
  } catch {
    return undefined;
  }
}
