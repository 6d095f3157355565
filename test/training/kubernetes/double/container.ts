/** A container as a process of this machine: its output with times, its end as an engine tells it. */
import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';

export interface Ending {
  exitCode: number;
  reason: string;
  message?: string;
}

export interface LogLine {
  time: Date;
  /** With its newline, which the last one may lack. */
  bytes: Buffer;
}

export interface Container {
  log: LogLine[];
  ended: Promise<Ending>;
  stop(graceMs: number): void;
  kill(): void;
}

const pageBytes = 4_096;

export function runContainer({
  command,
  env,
  cwd,
  memory,
}: {
  command: string[];
  env: Record<string, string>;
  cwd: string;
  /** Bytes; above them the container is killed. */
  memory: number | undefined;
}): Container {
  const log: LogLine[] = [];
  const [file = '', ...rest] = command;
  // A group of its own: with its first process a container ends as a whole.
  const child = spawn(file, rest, { env, cwd, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  let outOfMemory = false;
  const kill = (signal: NodeJS.Signals) => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, signal);
    } catch {
      // It has ended.
    }
  };
  const limiting =
    memory === undefined
      ? undefined
      : setInterval(() => {
          void residentBytes(child.pid).then((bytes) => {
            if (bytes <= memory) return;
            outOfMemory = true;
            kill('SIGKILL');
          });
        }, 20);
  for (const stream of [child.stdout, child.stderr]) keepLines(stream, log);

  const ended = new Promise<Ending>((resolve) => {
    child.on('error', (error) =>
      resolve({
        exitCode: 128,
        reason: 'StartError',
        message: `exec: "${file}": ${error.message.includes('ENOENT') ? 'no such file or directory' : error.message}`,
      }),
    );
    child.on('exit', () => kill('SIGKILL'));
    child.on('close', (code, signal) => {
      const exitCode = code ?? (signal === 'SIGTERM' ? 143 : 137);
      const reason = outOfMemory ? 'OOMKilled' : exitCode === 0 ? 'Completed' : 'Error';
      resolve({ exitCode, reason });
    });
  });
  void ended.then(() => clearInterval(limiting));

  return {
    log,
    ended,
    kill: () => kill('SIGKILL'),
    stop(graceMs) {
      kill('SIGTERM');
      const timer = setTimeout(() => kill('SIGKILL'), graceMs);
      void ended.then(() => clearTimeout(timer));
    },
  };
}

function keepLines(stream: NodeJS.ReadableStream, log: LogLine[]): void {
  let rest = Buffer.alloc(0);
  stream.on('data', (part: Buffer) => {
    rest = Buffer.concat([rest, part]);
    let start = 0;
    for (let end = rest.indexOf(10); end !== -1; end = rest.indexOf(10, start)) {
      log.push({ time: new Date(), bytes: rest.subarray(start, end + 1) });
      start = end + 1;
    }
    rest = rest.subarray(start);
  });
  stream.on('end', () => {
    if (rest.length > 0) log.push({ time: new Date(), bytes: rest });
  });
}

async function residentBytes(pid: number | undefined): Promise<number> {
  const told = await readFile(`/proc/${pid}/statm`, 'utf8').catch(() => '');
  return Number(told.split(' ')[1] ?? 0) * pageBytes;
}
