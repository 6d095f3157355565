import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { readAll, readLines, untilExited, untilSaid } from '../watching.js';
import type { Given } from './given.js';

/** What a trainer prints: every line once, named by its place. */
export function describeOutput(given: Given): void {
  it('gives each line of output once, named by its offset', async () => {
    const { job: spoken } = await given.run('say=first say=ünd say=third exit=0');
    const { lines, next } = await given.backend.logs(spoken.key, []);
    expect(lines).toEqual([
      { rank: 0, offset: 0, line: 'first' },
      { rank: 0, offset: 6, line: 'ünd' },
      { rank: 0, offset: 11, line: 'third' },
    ]);
    expect(await given.backend.logs(spoken.key, next)).toEqual({ lines: [], next });
  });

  it('reads on from any line, and tells another worker the same', async () => {
    const { job: spoken } = await given.run('lines=100 exit=0');
    const { lines } = await given.backend.logs(spoken.key, []);
    expect(lines).toHaveLength(100);
    const from = lines[40]?.offset ?? 0;
    expect((await given.under.open().logs(spoken.key, [from])).lines).toEqual(lines.slice(40));
  });

  it('tells what was said before while the trainer goes on', async () => {
    const talking = await given.job('say=before await=gate say=after exit=0');
    await given.backend.submit(talking);
    await untilSaid(given.backend, talking.key, 'before');
    const { lines, next } = await given.backend.logs(talking.key, []);
    expect(lines.map(({ line }) => line)).toEqual(['before']);
    await writeFile(join(given.backend.root(talking.key), 'gate'), '');
    await untilExited(given.backend, talking.key);
    expect((await given.backend.logs(talking.key, next)).lines).toEqual([
      { rank: 0, offset: next[0], line: 'after' },
    ]);
  });

  it('keeps both streams', async () => {
    const { lines } = await given.run('say=out complain=error exit=0');
    expect(lines.toSorted()).toEqual(['error', 'out']);
  });

  it('puts a letter together that was written in two parts', async () => {
    // A grinning face and an umlaut, each torn apart.
    const { lines } = await given.run(
      'bytes=f09f pause=0.1 bytes=9880c3 pause=0.1 bytes=bc0a exit=0',
    );
    expect(lines).toEqual(['😀ü']);
  });

  it('gives the unfinished last line only once the job has ended', async () => {
    const half = await given.job('say=whole bytes=68616c66 await=gate exit=0');
    await given.backend.submit(half);
    await untilSaid(given.backend, half.key, 'whole');
    expect(await readAll(given.backend, half.key)).toEqual(['whole']);
    await writeFile(join(given.backend.root(half.key), 'gate'), '');
    await untilExited(given.backend, half.key);
    expect(await readAll(given.backend, half.key)).toEqual(['whole', 'half']);
  });

  it('leaves out what no database can keep', async () => {
    expect((await given.run('bytes=610062ff0a exit=0')).lines).toEqual(['ab\ufffd']);
  });

  it('cuts a line that is longer than a page', async () => {
    const { lines } = await given.run(`bytes=${'78'.repeat(20_000)}0a say=next exit=0`);
    expect(lines.map((line) => line.length)).toEqual([8_192, 4]);
  });

  it('gives three megabytes in parts of one at most, and loses none', async () => {
    const { job: talkative } = await given.run('flood=3000000 exit=0');
    const parts: number[] = [];
    for (let since = 0, more = true; more;) {
      const { lines, next } = await given.backend.logs(talkative.key, [since]);
      const [reached = 0] = next;
      expect(lines.length * 100).toBe(reached - since);
      parts.push(reached - since);
      more = reached > since;
      since = reached;
    }
    expect(parts.reduce((sum, part) => sum + part)).toBe(3_000_000);
    expect(Math.max(...parts)).toBeLessThanOrEqual(1 << 20);
  });

  it('keeps sixteen mebibytes of a trainer that talks more, and its last lines, and does not hold it up', async () => {
    const job = await given.job(`flood=${20 * 1024 * 1024} say=the-cause exit=3`);
    await given.backend.submit(job);
    expect(await untilExited(given.backend, job.key)).toMatchObject({ code: 3 });
    const told = await readLines(given.backend, job.key);
    const lines = told.map(({ line }) => line);
    const cut = lines.findIndex((line) => line.startsWith('The log is cut here'));
    expect(cut).toBeGreaterThan((16 * 1024 * 1024) / 100);
    expect(lines.slice(cut + 1, cut + 3)).toEqual(['Its last lines:', 'x'.repeat(99)]);
    expect(lines.slice(-2)).toEqual(['x'.repeat(99), 'the-cause']);
    expect(lines.length - cut).toBeGreaterThan(500);
    expect(lines.length - cut).toBeLessThan(700);
    const since = [told[cut]?.offset ?? 0];
    const { lines: again } = await given.under.open().logs(job.key, since);
    expect(again).toEqual(told.slice(cut));
  });
}
