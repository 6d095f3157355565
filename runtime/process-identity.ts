import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A process, told apart from a later one that got the same pid by the moment it started (an opaque word of the system's). */
export interface ProcessIdentity {
  pid: number;
  started: string;
}

/** Who runs under this pid now; undefined where nobody does (a zombie counts as nobody). */
export async function identifyProcess(pid: number): Promise<ProcessIdentity | undefined> {
  const started = process.platform === 'linux' ? await startedByProc(pid) : await startedByPs(pid);
  return started === undefined ? undefined : { pid, started };
}

export async function isRunning({ pid, started }: ProcessIdentity): Promise<boolean> {
  return (await identifyProcess(pid))?.started === started;
}

/** Asks with `signal`, insists with SIGKILL after `patience` milliseconds, and returns once the process is gone. Harmless for one that is gone already. */
export async function stopProcess(
  identity: ProcessIdentity,
  { signal = 'SIGTERM', patience = 10_000 }: { signal?: NodeJS.Signals; patience?: number } = {},
): Promise<void> {
  const insistAt = Date.now() + patience;
  let sent = false;
  while (await isRunning(identity)) {
    const insist = Date.now() >= insistAt;
    if (!sent || insist) trySignal(identity.pid, insist ? 'SIGKILL' : signal);
    sent = true;
    await sleep(20);
  }
}

function trySignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

async function startedByProc(pid: number): Promise<string | undefined> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    // The second field is the name in parentheses and may hold anything, so the fields are counted from its end.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

async function startedByPs(pid: number): Promise<string | undefined> {
  try {
    const { stdout } = await run('ps', ['-o', 'stat=,lstart=', '-p', String(pid)]);
    const [state = 'Z', ...started] = stdout.trim().split(/\s+/);
    return state.startsWith('Z') ? undefined : started.join(' ');
  } catch {
    return undefined;
  }
}
