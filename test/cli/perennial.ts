import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const root = new URL('../../', import.meta.url);
const launch = fileURLToPath(new URL('runtime/launch.mjs', root));

export interface Ended {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs the command line as a person would, and answers how it ended. The environment has nothing of ours but what is given. */
export function runPerennial(
  args: string[],
  { cwd, environment = {} }: { cwd?: string; environment?: Record<string, string> } = {},
): Promise<Ended> {
  const main = fileURLToPath(new URL('cli/main.ts', root));
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [launch, main, ...args],
      { cwd, env: { ...plainEnvironment(), ...environment }, timeout: 60_000 },
      (error, stdout, stderr) =>
        resolve({
          code: typeof error?.code === 'number' ? error.code : error ? 1 : 0,
          stdout,
          stderr,
        }),
    );
  });
}

/** Starts a process of ours and waits for the line that says where it listens. */
export async function startPart(
  file: string,
  environment: Record<string, string>,
  args: string[] = [],
): Promise<{ address: string; stop: () => Promise<void> }> {
  const child = spawn(process.execPath, [launch, fileURLToPath(new URL(file, root)), ...args], {
    env: { ...plainEnvironment(), ...environment },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const address = await readyAddress(child, file);
  return {
    address,
    stop: async () => {
      child.kill('SIGTERM');
      await ended;
    },
  };
}

async function readyAddress(child: ChildProcess, file: string): Promise<string> {
  if (!child.stdout) throw new Error('no stdout');
  for await (const line of createInterface({ input: child.stdout })) {
    const told = JSON.parse(line) as { ready?: boolean; address?: string };
    if (told.ready && told.address) {
      child.stdout.resume();
      return told.address;
    }
  }
  throw new Error(`${file} ended before it was ready`);
}

function plainEnvironment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(
    ([name]) =>
      !name.startsWith('PERENNIAL_') && !/^(DATABASE_URL|TEMPORAL_|NODE_OPTIONS|VITEST)/.test(name),
  );
  return Object.fromEntries(kept);
}
