import { chmod, mkdtemp, open, rm, statfs } from 'node:fs/promises';
import { execFile } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { removeStack } from '../../cli/stack/predecessor.js';
import { startStack, type Stack } from '../../cli/stack/stack.js';
import { connectDatabase, type Connection } from '../../db/connect.js';
import { loadConfig } from '../../runtime/config.js';
import { silentLog } from '../../runtime/log.js';
import { connectTemporal, type TemporalClient } from '../../runtime/temporal/connection.js';
import type { ContainerEngine } from './container-engine.js';
import { createGate, type Gate } from './gate.js';

const run = promisify(execFile);
const namespace = 'perennial';

/** A stack that may be hurt: its own engines, gates in front of them, a disk of its own where the system allows it. */
export interface Arena {
  stack: Stack;
  home: string;
  /** Straight to the engines, past the gates. */
  database: Connection;
  temporal: TemporalClient;
  gates: { postgres: Gate; temporal: Gate };
  disk: Disk | { reason: string };
  /** Where trainings run in containers. */
  engine: ContainerEngine | undefined;
  /** Restarts that supervision has told of, by part. */
  restarts: Map<string, number>;
  close: () => Promise<void>;
}

export interface Disk {
  /** Takes all the space there is. */
  fill: () => Promise<void>;
  release: () => Promise<void>;
}

export async function openArena({
  python,
  say,
  ownDisk,
  engine,
  gpus,
}: {
  /** Interpreter with the trainers' requirements; the checkout's own when undefined. */
  python?: string | undefined;
  say: (sentence: string) => void;
  ownDisk: boolean;
  /** Runs the trainings; the arena closes it. */
  engine?: ContainerEngine | undefined;
  /** What its training worker owns, as PERENNIAL_GPUS says it. */
  gpus?: string | undefined;
}): Promise<Arena> {
  const folder = await mkdtemp(join(tmpdir(), 'perennial-chaos-'));
  // PostgreSQL runs under another account when we are root.
  await chmod(folder, 0o755);
  const mounted = ownDisk ? await mountDisk(folder) : { reason: 'not asked for' };
  const home = join(folder, 'home');
  const gates = new Map<string, Gate>();
  const restarts = new Map<string, number>();
  const clear = async () => {
    for (const gate of gates.values()) await gate.close();
    await removeStack(home);
    await engine?.close();
    if ('fill' in mounted) await run('umount', ['--lazy', folder]);
    await rm(folder, { recursive: true, force: true });
  };
  try {
    const stack = await startStack({
      config: {
        ...loadConfig({
          // What somebody's own settings name is not for breaking.
          PERENNIAL_TEMPORAL_CLI: process.env['PERENNIAL_TEMPORAL_CLI'],
          PERENNIAL_TRAINER_PYTHON: python ?? process.env['PERENNIAL_TRAINER_PYTHON'],
          PERENNIAL_HOME: home,
          PERENNIAL_GPUS: gpus,
          PERENNIAL_API_PORT: '0',
          PERENNIAL_GATEWAY_PORT: '0',
          PERENNIAL_TEMPORAL_PORT: '0',
          PERENNIAL_LOG_LEVEL: 'warn',
        }),
        ...engine?.settings,
      },
      wayTo: async (engine, address) => {
        const gate = await createGate(address);
        gates.set(engine, gate);
        return gate.address;
      },
      onPart: ({ name }) => {
        const times = restarts.get(name);
        restarts.set(name, times === undefined ? 0 : times + 1);
        if (times !== undefined) say(`${name} is back`);
      },
      onNotice: (part, sentence) => say(`${part} ${sentence}`),
    });
    const database = connectDatabase({ url: stack.databaseUrl, log: silentLog, max: 6 });
    const temporal = await connectTemporal({ address: stack.temporalAddress, namespace });
    return {
      stack,
      home,
      database,
      temporal,
      gates: { postgres: gateOf(gates, 'postgres'), temporal: gateOf(gates, 'temporal') },
      disk: mounted,
      engine,
      restarts,
      close: async () => {
        await temporal.close();
        await database.close();
        await stack.stop();
        await clear();
      },
    };
  } catch (error) {
    await clear();
    throw error;
  }
}

function gateOf(gates: Map<string, Gate>, engine: string): Gate {
  const gate = gates.get(engine);
  if (!gate) throw new Error(`There is no gate in front of ${engine}.`);
  return gate;
}

/** A small file system of its own at this folder, in memory: only root may have one. */
async function mountDisk(folder: string): Promise<Disk | { reason: string }> {
  try {
    await run('mount', ['-t', 'tmpfs', '-o', 'size=1g,mode=0755', 'tmpfs', folder]);
  } catch (error) {
    const said = (error as { stderr?: string }).stderr?.trim();
    return { reason: `a disk to fill needs root and tmpfs${said ? ` (${said})` : ''}` };
  }
  const ballast = join(folder, 'ballast');
  return {
    fill: async () => {
      const file = await open(ballast, 'w');
      const block = Buffer.alloc(1 << 20, 1);
      try {
        for (;;) await file.write(block);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
      } finally {
        await file.close();
      }
      // What others free meanwhile is not taken again: a disk that is full breathes, too.
      const { bavail, bsize } = await statfs(folder);
      if (bavail * bsize > 1 << 20) await sleep(0);
    },
    release: () => rm(ballast, { force: true }),
  };
}
