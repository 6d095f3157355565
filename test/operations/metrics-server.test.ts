import { expect, test } from 'vitest';
import { startMetricsServer } from '../../workers/metrics-server.js';

const metrics = { contentType: 'text/plain', collect: () => Promise.resolve('up 1\n') };
const at = { host: '127.0.0.1', port: 0, metrics };

test('a worker is healthy while all its kinds run, and not once one has stopped', async () => {
  const states: Record<string, string> = { pipeline: 'RUNNING', judge: 'RUNNING' };
  const server = await startMetricsServer({ ...at, states: () => states });
  expect((await fetch(`${server.address}/health`)).status).toBe(200);
  states.judge = 'FAILED';
  const answer = await fetch(`${server.address}/health`);
  expect([answer.status, await answer.json()]).toEqual([503, { live: false, workers: states }]);
  expect(await (await fetch(`${server.address}/metrics?x=1`)).text()).toBe('up 1\n');
  expect((await fetch(`${server.address}/nowhere`)).status).toBe(404);
  await server.close();
});

test('numbers that cannot be read are an error of this request alone', async () => {
  const failing = { contentType: 'text/plain', collect: () => Promise.reject(new Error('no')) };
  const server = await startMetricsServer({ ...at, metrics: failing, states: () => ({}) });
  expect((await fetch(`${server.address}/metrics`)).status).toBe(500);
  expect((await fetch(`${server.address}/health`)).status).toBe(200);
  await server.close();
});

test('a taken port is replaced by a free one, an address of another machine is refused', async () => {
  const states = () => ({});
  const first = await startMetricsServer({ ...at, states });
  const { port } = new URL(first.address);
  const second = await startMetricsServer({ ...at, port: Number(port), states });
  expect(second.address).not.toBe(first.address);
  expect((await fetch(`${second.address}/health`)).status).toBe(200);
  await Promise.all([first.close(), second.close()]);
  await expect(startMetricsServer({ ...at, host: '192.0.2.1', states })).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
  });
});
