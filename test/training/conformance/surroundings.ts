import { readFile, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { untilExited, untilSaid } from '../watching.js';
import type { Given } from './given.js';

/** What a trainer finds around it, and what it does not. */
export function describeSurroundings(given: Given): void {
  it('lays out what the container contract says', async () => {
    const { job: laid } = await given.run('exit=0');
    const input = join(given.backend.root(laid.key), 'input');
    const read = async (file: string) =>
      JSON.parse(await readFile(join(input, 'config', file), 'utf8')) as unknown;
    expect(await read('hyperparameters.json')).toEqual({ script: 'exit=0' });
    expect(await read('perennial.json')).toMatchObject({
      features: laid.features,
      label: 'label',
      seed: 7,
    });
    expect(Object.keys((await read('inputdataconfig.json')) as object)).toEqual([
      'train',
      'holdout',
    ]);
    expect(await readFile(join(input, 'data', 'train', 'part-0.parquet'), 'utf8')).toBe('rows');
  });

  it('shows the worker what the trainer writes, while it writes', async () => {
    const writing = await given.job('step=3 touch=model/draft say=written await=gate exit=0');
    await given.backend.submit(writing);
    await untilSaid(given.backend, writing.key, 'written');
    const root = given.backend.root(writing.key);
    expect(await readFile(join(root, 'output', 'progress.jsonl'), 'utf8')).toContain('"step": 3');
    expect(await readFile(join(root, 'model', 'draft'), 'utf8')).toBe('x');
    await writeFile(join(root, 'gate'), '');
    await untilExited(given.backend, writing.key);
  });

  it('starts the next attempt from the checkpoints of the one before', async () => {
    await given.run('checkpoint=halfway exit=75');
    expect((await given.run('resume exit=0', { attempt: 2 })).lines).toEqual(['resumed halfway']);
  });

  it("sets the job's variables, and the contract's own against it", async () => {
    const environment = { TRACEPARENT: '00-abc', PERENNIAL_ML_ROOT: '/elsewhere', RANK: '0' };
    const { lines } = await given.run('variable=TRACEPARENT variable=RANK exit=0', { environment });
    expect(lines).toEqual(['TRACEPARENT 00-abc', 'RANK 0']);
  });

  it('tells the trainer nothing of the environment it was started from', async () => {
    process.env['A_SECRET_OF_OURS'] = 'hush';
    const { lines } = await given.run('environment exit=0');
    expect(lines.join('')).not.toContain('hush');
    expect(lines.join('')).toContain('PERENNIAL_ML_ROOT');
  });

  it('holds memory, CPUs and shared memory to what was asked for', async (context) => {
    given.needs(context, given.under.limits);
    const { lines } = await given.run(
      'show=/sys/fs/cgroup/memory/memory.limit_in_bytes,/sys/fs/cgroup/memory.max ' +
        'show=/sys/fs/cgroup/cpu/cpu.cfs_quota_us,/sys/fs/cgroup/cpu.max shared-memory exit=0',
      { resources: { memory: '256Mi', cpus: 0.5, sharedMemory: '96Mi' } },
    );
    expect(lines[0]).toBe(String(256 * 2 ** 20));
    expect(lines[1]).toMatch(/^50000\b/);
    expect(lines[2]).toBe(String(96 * 2 ** 20));
  });

  it('says that memory ran out where it did', async (context) => {
    given.needs(context, given.under.limits);
    const { ended } = await given.run('hog=200 exit=0', { resources: { memory: '64Mi' } });
    expect(ended).toMatchObject({ code: 137, outOfMemory: true });
  });

  it('lets the trainer write its own folders and /tmp, and nothing else', async (context) => {
    given.needs(context, given.under.isolation);
    const { lines } = await given.run('touch=model/x touch=/tmp/x touch=/etc/x touch=/x exit=0');
    expect(lines).toEqual([
      'wrote model/x',
      'wrote /tmp/x',
      'refused /etc/x Read-only file system',
      'refused /x Read-only file system',
    ]);
  });

  it('lets the trainer reach no network', async (context) => {
    given.needs(context, given.under.isolation);
    const server = createServer().listen(0, '0.0.0.0');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as AddressInfo;
    const { lines } = await given.run(`reach=127.0.0.1:${port} exit=0`);
    server.close();
    expect(lines).toEqual([`no way to 127.0.0.1:${port}`]);
  });

  it('gives the trainer an ordinary account without any right, and no way to more', async (context) => {
    given.needs(context, given.under.isolation);
    const { lines } = await given.run(
      'status=Uid status=CapEff status=CapBnd status=NoNewPrivs exit=0',
    );
    expect(lines[0]).not.toMatch(/\b0\b/);
    expect(lines.slice(1)).toEqual([
      'CapEff: 0000000000000000',
      'CapBnd: 0000000000000000',
      'NoNewPrivs: 1',
    ]);
  });
}
