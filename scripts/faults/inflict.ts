import { setTimeout as sleep } from 'node:timers/promises';
import type { Arena } from './arena.js';
import { familyOf } from './family.js';
import type { Fault, Target } from './delivery/plan.js';

/** How long a process stands still, a gate is shut and a disk is full: longer than anybody's patience with one request. */
const faultSeconds = 5;

/** Does it, and returns when it is over. After a kill supervision brings the process back; nobody waits for that here. */
export async function inflict(arena: Arena, { kind, target }: Fault): Promise<void> {
  switch (kind) {
    case 'kill':
      process.kill(await pidOf(arena, target), 'SIGKILL');
      return;
    case 'freeze': {
      // PostgreSQL is a process a session: stopping the first one alone would hurt only who comes new.
      const pids = await familyOf(await pidOf(arena, target));
      try {
        for (const pid of pids) signal(pid, 'SIGSTOP');
        await sleep(faultSeconds * 1_000);
      } finally {
        for (const pid of pids) signal(pid, 'SIGCONT');
      }
      return;
    }
    case 'refuse': {
      const gate = arena.gates[target === 'postgres' ? 'postgres' : 'temporal'];
      gate.shut();
      await sleep(faultSeconds * 1_000);
      gate.open();
      return;
    }
    case 'full':
      if (!('fill' in arena.disk)) throw new Error(arena.disk.reason);
      try {
        await arena.disk.fill();
        await sleep(faultSeconds * 1_000);
      } finally {
        await arena.disk.release();
      }
  }
}

/** The process as it runs now; one that another fault has just taken is waited for. */
async function pidOf({ stack }: Arena, target: Target): Promise<number> {
  const deadline = performance.now() + 60_000;
  for (;;) {
    const pid = stack.parts().find(({ name }) => name === target)?.pid;
    if (pid !== undefined && signal(pid, 0)) return pid;
    if (performance.now() > deadline) throw new Error(`${target} does not come back.`);
    await sleep(50);
  }
}

/** False where there is no such process any more. */
function signal(pid: number, name: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    return false;
  }
}
