import { spawn } from 'node:child_process';
import { expect, test, vi } from 'vitest';
import { findFreePort } from '../../runtime/free-port.js';
import { identifyProcess, isRunning, stopProcess } from '../../runtime/process-identity.js';
import { supervise, type Running } from '../../runtime/supervise.js';

async function startSleeper(script = 'exec sleep 60'): Promise<Running> {
  const child = spawn('sh', ['-c', script], { stdio: 'ignore' });
  const identity = await identifyProcess(child.pid ?? -1);
  if (!identity) throw new Error('The sleeper did not start');
  return { ...identity, address: 'nowhere', stop: () => stopProcess(identity) };
}

test('a process is known by pid and start, so that its pid in other hands is not taken for it', async () => {
  const sleeper = await startSleeper();
  expect(await isRunning(sleeper)).toBe(true);
  expect(await isRunning({ ...sleeper, started: 'another time' })).toBe(false);
  await sleeper.stop();
  expect(await isRunning(sleeper)).toBe(false);
  await sleeper.stop();
});

test('a process deaf to the polite signal is ended with force', async () => {
  const deaf = await startSleeper("trap '' TERM; while :; do :; done");
  await stopProcess(deaf, { patience: 200 });
  expect(await isRunning(deaf)).toBe(false);
});

test('a killed process is started again and said to be, and is not after stop', async () => {
  const notices: string[] = [];
  const restarted: Running[] = [];
  const supervised = await supervise({
    start: () => startSleeper(),
    onNotice: (sentence) => notices.push(sentence),
    onRestart: (running) => restarted.push(running),
  });
  const first = supervised.current();
  process.kill(first.pid, 'SIGKILL');
  await vi.waitUntil(() => restarted.length === 1, 10_000);
  expect(notices).toEqual(['ended by itself; starting again in 500 ms']);
  const second = supervised.current();
  expect(second.pid).not.toBe(first.pid);
  await supervised.stop();
  expect(await isRunning(second)).toBe(false);
  expect(restarted).toHaveLength(1);
});

test('a process that fails at its first start is not retried: somebody has to look', async () => {
  const start = () => Promise.reject(new Error('no such program'));
  await expect(supervise({ start, onNotice: () => {}, onRestart: () => {} })).rejects.toThrow(
    'no such program',
  );
});

test('a taken port is passed over for a free one', async () => {
  const { createServer } = await import('node:net');
  const taken = createServer();
  const port = await findFreePort('127.0.0.1');
  await new Promise<void>((settle) => taken.listen(port, '127.0.0.1', settle));
  const found = await findFreePort('127.0.0.1', port);
  expect(found).not.toBe(port);
  expect(found).toBeGreaterThan(0);
  await new Promise((settle) => taken.close(settle));
  expect(await findFreePort('127.0.0.1', port)).toBe(port);
});
