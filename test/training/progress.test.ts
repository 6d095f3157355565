import { appendFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import type { LogPosition } from '../../training/backend.js';
import { readLines, readLinesByRank } from '../../training/file-lines.js';
import { readProgress } from '../../training/progress.js';
import { temporaryFolder } from '../support/artifacts.js';

describe('A progress file', () => {
  let folder: string;
  let number = 0;
  const file = () => join(folder, `${++number}.jsonl`);
  beforeAll(async () => {
    folder = await temporaryFolder();
  });

  it('has no lines before it exists', async () => {
    expect(await readProgress(file(), 0)).toEqual({ lines: [], next: 0 });
  });

  it('is read on from where the last reading stopped, and a half line waits for its rest', async () => {
    const path = file();
    await writeFile(path, '{"step":1,"metrics":{"loss":0.5}}\n{"step":2,"met');
    const first = await readProgress(path, 0);
    expect(first.lines).toEqual([{ step: 1, metrics: { loss: 0.5 } }]);
    await appendFile(path, 'rics":{}}\n');
    const second = await readProgress(path, first.next);
    expect(second.lines).toEqual([{ step: 2, metrics: {} }]);
    expect((await readProgress(path, second.next)).lines).toEqual([]);
  });

  it.each([
    ['not JSON', 'half {'],
    ['a number that is none', '{"step":1,"metrics":{"loss":NaN}}'],
    ['an endless number', '{"step":1,"metrics":{"loss":1e999}}'],
    ['a step that no table holds', '{"step":3000000000}'],
    ['a name that no table holds', '{"step":1,"metrics":{"a\\u0000b":1}}'],
    ['no step', '{"metrics":{"loss":1}}'],
    ['bytes that are no text', '\xff\xfe'],
  ])('is passed over where it holds %s', async (_, garbage) => {
    const path = file();
    await writeFile(path, `${garbage}\n{"step":7}\n`, 'latin1');
    expect((await readProgress(path, 0)).lines).toEqual([{ step: 7, metrics: {} }]);
  });
});

describe('Lines of a growing file', () => {
  it('are the same however the file is cut into readings', async () => {
    const folder = await temporaryFolder();
    let number = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.string({ unit: 'grapheme' }).map((line) => line.replaceAll(/[\n\r\0]/g, '')),
          { minLength: 1, maxLength: 20 },
        ),
        fc.array(fc.nat(200), { maxLength: 6 }),
        async (lines, cuts) => {
          const path = join(folder, String(++number));
          const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''));
          const ends = [...cuts, bytes.length]
            .map((cut) => Math.min(cut, bytes.length))
            .toSorted((a, b) => a - b);
          const read: string[] = [];
          let next = 0;
          for (const end of ends) {
            await writeFile(path, bytes.subarray(0, end));
            const chunk = await readLines(path, next);
            for (const { offset, line } of chunk.lines) {
              expect(bytes.subarray(offset, offset + Buffer.byteLength(line)).toString()).toBe(
                line,
              );
              read.push(line);
            }
            next = chunk.next;
          }
          expect(read).toEqual(lines);
        },
      ),
      { numRuns: 50 },
    );
  });

  it('may lack their end once the file is whole, and may be longer than a reading', async () => {
    const path = join(await temporaryFolder(), 'log');
    await writeFile(path, 'last words');
    expect(await readLines(path, 0)).toEqual({ lines: [], next: 0 });
    expect(await readLines(path, 0, { ended: true })).toEqual({
      lines: [{ offset: 0, line: 'last words' }],
      next: 10,
    });
    await writeFile(path, `${'x'.repeat(3_000_000)}\nend\n`);
    const found: string[] = [];
    for (let next = 0, before = -1; next !== before;) {
      before = next;
      const chunk = await readLines(path, next);
      found.push(...chunk.lines.map(({ line }) => line));
      next = chunk.next;
    }
    expect(found.at(-1)).toBe('end');
  });

  it('of several replicas come from all of them, and all together no more at once than of one', async () => {
    const folder = await temporaryFolder();
    const files = [0, 1, 2, 3].map((rank) => ({ path: join(folder, String(rank)), ended: true }));
    const line = `${'x'.repeat(99)}\n`;
    for (const { path } of files) await writeFile(path, line.repeat(5_000));
    const first = await readLinesByRank(files, []);
    expect(new Set(first.lines.map(({ rank }) => rank)).size).toBe(4);
    const counts = [0, 0, 0, 0];
    let next: LogPosition = [];
    for (let more = true; more;) {
      const chunk = await readLinesByRank(files, next);
      for (const { rank } of chunk.lines) counts[rank] = (counts[rank] ?? 0) + 1;
      expect(chunk.lines.length * line.length).toBeLessThanOrEqual(1 << 20);
      more = chunk.lines.length > 0;
      next = chunk.next;
    }
    expect(counts).toEqual([5_000, 5_000, 5_000, 5_000]);
    expect(next).toEqual([500_000, 500_000, 500_000, 500_000]);
  });

  it('are not waited for where a progress bar writes over itself, and keep what stood there last', async () => {
    const path = join(await temporaryFolder(), 'log');
    const shown: string[] = [];
    let next = 0;
    let written = '';
    for (const more of [
      '\r  0%',
      '\r 10%\r 20%\r 30%',
      '\r 40%\r',
      '\r100%\r',
      '\ndone\r\n',
      'a\r  \r',
      'b\n',
    ]) {
      await writeFile(path, (written += more));
      const chunk = await readLines(path, next);
      expect(chunk.next).toBeGreaterThan(next === 0 ? -1 : next);
      shown.push(...chunk.lines.map(({ line }) => line));
      next = chunk.next;
    }
    expect(shown).toEqual([' 20%', ' 30%', ' 40%', '100%', 'done', 'a', 'b']);
    expect(next).toBe(written.length);
  });
});
