import { access, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { readAll, readRank, untilExited, untilSaid } from '../watching.js';
import type { Given } from './given.js';

/** Several trainers of one job: what each knows, how they meet, and how they end together. */
export function describeReplicas(given: Given): void {
  it('lets replicas meet and work together, and takes what the first hands over', async (context) => {
    given.needs(context, given.under.meeting);
    const { job, ended, lines } = await given.run('all-reduce=10 say=done succeed exit=0', {
      replicas: 3,
    });
    expect(ended, lines.join('\n')).toMatchObject({ code: 0 });
    expect(lines.join('\n')).toContain('sum 33');
    const manifest = await readFile(
      join(given.backend.root(job.key), 'output', 'manifest.json'),
      'utf8',
    );
    expect(JSON.parse(manifest)).toMatchObject({ model: 'model.onnx' });
  });

  it('tells each replica its rank, and adopts them all at once', async (context) => {
    given.needs(context, given.under.replicas);
    const job = await given.job('variable=RANK variable=WORLD_SIZE await=checkpoints/gate exit=0', {
      replicas: 2,
    });
    await given.backend.submit(job);
    await untilSaid(given.backend, job.key, 'WORLD_SIZE 2');
    const another = given.under.open();
    expect(await another.submit(job)).toEqual({ adopted: true });
    await writeFile(join(given.backend.root(job.key), 'checkpoints', 'gate'), '');
    expect(await untilExited(another, job.key)).toMatchObject({ code: 0 });
    const said = await readAll(another, job.key);
    expect(said.filter((line) => line.endsWith('RANK 0'))).toHaveLength(1);
  });

  it('gives replicas one input and one set of checkpoints, and each its own output', async (context) => {
    given.needs(context, given.under.replicas);
    const script = 'step=1 touch=model/part touch=checkpoints/part await=checkpoints/gate exit=0';
    const job = await given.job(script, { replicas: 2 });
    await given.backend.submit(job);
    const root = given.backend.root(job.key);
    await vi.waitFor(() => access(join(root, 'replicas', '1', 'model', 'part')), 20_000);
    await writeFile(join(root, 'checkpoints', 'gate'), '');
    expect(await untilExited(given.backend, job.key)).toMatchObject({ code: 0 });
    const progress = await readFile(join(root, 'output', 'progress.jsonl'), 'utf8');
    expect(progress.trim().split('\n')).toHaveLength(1);
    await access(join(root, 'checkpoints', 'part'));
    await given.backend.remove(job.key);
    await expect(access(root)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('ends all replicas when one fails, by its code, and says which', async (context) => {
    given.needs(context, given.under.replicas);
    const { ended } = await given.run('obey break-as=1 forever', { replicas: 3 });
    expect(ended).toMatchObject({
      code: 65,
      outOfMemory: false,
      reason: expect.stringMatching(/replica .*1/i) as string,
    });
  });

  it('gives the lines of every replica by its rank, and another worker the same', async (context) => {
    given.needs(context, given.under.replicas);
    const job = await given.job('variable=RANK await=checkpoints/gate lines=2 exit=0', {
      replicas: 2,
    });
    await given.backend.submit(job);
    for (const rank of [0, 1]) await untilSaid(given.backend, job.key, `RANK ${rank}`, rank);
    const { lines, next } = await given.backend.logs(job.key, []);
    const began = (rank: number) => ({ rank, offset: 0, line: `RANK ${rank}` });
    const ended = (rank: number) => [
      { rank, offset: 7, line: 'line 0' },
      { rank, offset: 14, line: 'line 1' },
    ];
    expect(lines).toEqual([began(0), began(1)]);
    expect(next).toEqual([7, 7]);
    await writeFile(join(given.backend.root(job.key), 'checkpoints', 'gate'), '');
    await untilExited(given.backend, job.key);
    expect((await given.backend.logs(job.key, next)).lines).toEqual([...ended(0), ...ended(1)]);
    expect((await given.under.open().logs(job.key, [7])).lines).toEqual([
      ...ended(0),
      began(1),
      ...ended(1),
    ]);
  });

  it('keeps the last words of the replica that failed', async (context) => {
    given.needs(context, given.under.replicas);
    const { job } = await given.run('obey complain=Traceback break-as=2 forever', { replicas: 3 });
    expect(await readRank(given.backend, job.key, 2)).toEqual(['Traceback']);
  });

  it('stops all replicas that are asked to stop', async (context) => {
    given.needs(context, given.under.replicas);
    const job = await given.job('obey touch=model/ready forever', { replicas: 2 });
    await given.backend.submit(job);
    const root = given.backend.root(job.key);
    for (const rank of ['0', '1'])
      await vi.waitFor(() => access(join(root, 'replicas', rank, 'model', 'ready')), 20_000);
    await given.backend.cancel(job.key, 10_000);
    expect(await given.backend.status(job.key)).toMatchObject({ state: 'exited', code: 143 });
  });
}
