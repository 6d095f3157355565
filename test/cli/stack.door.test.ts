import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { isRunning } from '../../runtime/process-identity.js';
import { temporaryFolder } from '../support/artifacts.js';

/** The CLI as a process, from another folder than the checkout; every port is a free one. */
const root = fileURLToPath(new URL('../..', import.meta.url));
let home: string;
beforeEach(async () => {
  home = join(await temporaryFolder(), 'home');
});
afterEach(async () => {
  await perennial('down').ended;
}, 200_000);

function perennial(command: string, settings: Record<string, string> = {}) {
  const environment = {
    ...process.env,
    PERENNIAL_HOME: home,
    PERENNIAL_API_PORT: '0',
    PERENNIAL_GATEWAY_PORT: '0',
    PERENNIAL_TEMPORAL_PORT: '0',
    ...settings,
  };
  const child = spawn(
    process.execPath,
    [join(root, 'runtime/launch.mjs'), join(root, 'cli/main.ts'), ...command.split(' ')],
    { cwd: join(home, '..'), env: environment, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  const said = { out: '', error: '' };
  child.stdout.on('data', (chunk: Buffer) => (said.out += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (said.error += chunk.toString()));
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, ...said }));
  return { child, said, ended };
}

interface Status {
  running: boolean;
  supervised: boolean;
  parts: { name: string; address: string; pid?: number; started?: string; running: boolean }[];
}

async function readStatus(): Promise<Status> {
  const { out } = await perennial('status --json').ended;
  return JSON.parse(out) as Status;
}

/** Runs `up` and returns once it says that everything is there. */
async function up(settings: Record<string, string> = {}) {
  const run = perennial('up', settings);
  await vi.waitUntil(
    () => run.said.out.includes('Perennial is up') || run.child.exitCode !== null,
    {
      timeout: 150_000,
      interval: 100,
    },
  );
  expect(run.said.out, run.said.error).toContain('Perennial is up');
  return run;
}

async function kill(child: ChildProcess, signal: NodeJS.Signals) {
  const gone = once(child, 'close');
  child.kill(signal);
  await gone;
}

const everything = [
  'api',
  'compute',
  'gateway',
  'pipeline',
  'postgres',
  'temporal',
  'temporal-ui',
  'training',
];

describe('perennial up', () => {
  test('names every part, answers at the doors, and stops all of it on Ctrl-C', async () => {
    const { child, said, ended } = await up();
    const status = await readStatus();
    expect(status.running).toBe(true);
    expect(status.parts.map(({ name }) => name).toSorted()).toEqual(everything);
    for (const { name, address } of status.parts)
      expect(said.out).toMatch(new RegExp(`^${name} +${address}`, 'm'));
    expect(said.out).toMatch(/^postgres +127\.0\.0\.1:\d+ +ready in \d+ ms$/m);

    const addressOf = (name: string) => status.parts.find((part) => part.name === name)?.address;
    expect((await fetch(`${addressOf('api')}/api/v1/openapi.json`)).status).toBe(200);
    expect((await fetch(`${addressOf('gateway')}/v2/health/live`)).status).toBe(200);
    expect((await fetch(`${addressOf('temporal-ui')}`)).status).toBe(200);
    for (const worker of ['pipeline', 'compute', 'training']) {
      const told = await fetch(`${addressOf(worker)}/metrics`).then((answer) => answer.text());
      expect(told).toContain('process_cpu_seconds_total');
      expect(told).toContain('temporal_num_pollers{');
      expect((await fetch(`${addressOf(worker)}/health`)).status).toBe(200);
    }
    expect(await (await fetch(`${addressOf('api')}/metrics`)).text()).toContain(
      'perennial_database_up 1',
    );

    child.kill('SIGINT');
    expect((await ended).code).toBe(0);
    expect(said.out).toMatch(/All stopped\.\n$/);
    for (const { pid = 0, started = '' } of status.parts)
      expect(await isRunning({ pid, started })).toBe(false);
    expect(await readStatus()).toMatchObject({ running: false, parts: [] });
  }, 200_000);

  test('a killed one leaves engines that the next adopts, and processes that it replaces', async () => {
    const first = await up();
    const before = await readStatus();
    await kill(first.child, 'SIGKILL');
    expect(await readStatus()).toMatchObject({ running: false, supervised: false });

    const second = await up();
    const after = await readStatus();
    expect(after).toMatchObject({ running: true, supervised: true });
    const pidOf = (status: Status, name: string) =>
      status.parts.find((part) => part.name === name)?.pid;
    for (const name of ['postgres', 'temporal'])
      expect(pidOf(after, name)).toBe(pidOf(before, name));
    expect(second.said.out).toMatch(/^postgres .*adopted/m);
    for (const { name, pid = 0, started = '' } of before.parts) {
      if (['postgres', 'temporal', 'temporal-ui'].includes(name)) continue;
      expect(await isRunning({ pid, started }), name).toBe(false);
    }

    // A second one in the same home is refused and changes nothing.
    const third = await perennial('up').ended;
    expect(third.code).toBe(1);
    expect(third.error).toMatch(/STACK_RUNNING .*Process \d+ runs the stack/);

    // A killed engine and a killed worker come back at their addresses.
    const victims = after.parts.filter(({ name }) => ['postgres', 'compute'].includes(name));
    for (const { pid } of victims) process.kill(pid ?? 0, 'SIGKILL');
    await vi.waitUntil(
      async () => {
        const now = await readStatus();
        return now.running && victims.every(({ name, pid }) => pidOf(now, name) !== pid);
      },
      { timeout: 60_000, interval: 500 },
    );
    expect(second.said.out).toMatch(/^compute +ended by itself; starting again/m);
    const addressesOf = ({ parts }: Status) =>
      parts
        .filter(({ name }) => name !== 'compute')
        .map(({ name, address }) => `${name} ${address}`);
    expect(
      addressesOf(await readStatus())
        .filter((each) => !/pid/.test(each))
        .toSorted(),
    ).toEqual(
      addressesOf(after)
        .filter((each) => !/pid/.test(each))
        .toSorted(),
    );

    const down = await perennial('down').ended;
    expect(down.out).toMatch(/^Stopped .*postgres/);
    expect((await second.ended).code).toBe(0);
    for (const { pid = 0, started = '' } of after.parts)
      expect(await isRunning({ pid, started })).toBe(false);
    expect((await perennial('down').ended).out).toMatch(/^Nothing runs/);
  }, 400_000);

  test('a wrong setting is refused by name before anything starts', async () => {
    const { code, error } = await perennial('up', { PERENNIAL_API_PORT: 'eighty' }).ended;
    expect(code).toBe(1);
    expect(error).toContain("PERENNIAL_API_PORT is 'eighty'");
    await expect(readFile(join(home, 'stack.json'))).rejects.toThrow(/ENOENT/);
  });

  test('a database that does not answer is named, and nothing is left running', async () => {
    const run = await perennial('up', { DATABASE_URL: 'postgresql://nobody@127.0.0.1:1/none' })
      .ended;
    expect(run.code).toBe(1);
    expect(run.error).toMatch(/DATABASE_UNAVAILABLE/);
    expect(await readStatus()).toMatchObject({ running: false, parts: [] });
  }, 60_000);
});
