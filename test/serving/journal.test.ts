import { readFile, readdir } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { findLeftovers, openJournal } from '../../serving/journal.js';
import { temporaryFolder } from '../support/artifacts.js';

const tuples = (text: string): Buffer => Buffer.from(text);

describe('the journal', () => {
  it('has the bytes in its file as soon as append returns', async () => {
    const folder = await temporaryFolder();
    const journal = openJournal({ folder, epoch: 5, maximumBytes: 100 });
    expect(journal.append(tuples('one'), 1, 1)).toBe(true);
    expect(journal.append(tuples('two'), 2, 1)).toBe(true);
    const [leftover] = findLeftovers(folder, 6);
    expect(await readFile(leftover?.paths[0] ?? '', 'utf8')).toBe('onetwo');
    journal.close();
  });

  it('starts another file after sealing and removes what is stored', async () => {
    const folder = await temporaryFolder();
    const journal = openJournal({ folder, epoch: 5, maximumBytes: 100 });
    journal.append(tuples('one'), 1, 1);
    expect(journal.seal().map(({ last, rows, bytes }) => ({ last, rows, bytes }))).toEqual([
      { last: 1, rows: 1, bytes: 3 },
    ]);
    journal.append(tuples('four'), 4, 3);
    expect(journal.seal()).toHaveLength(2);
    journal.forget(1);
    expect(journal.seal().map(({ last }) => last)).toEqual([4]);
    expect(journal.bytes).toBe(4);
    expect(await readdir(folder)).toHaveLength(1);
    journal.close();
  });

  it('starts another file when one is large', async () => {
    const journal = openJournal({
      folder: await temporaryFolder(),
      epoch: 5,
      maximumBytes: 100,
      segmentBytes: 4,
    });
    for (let sequence = 1; sequence <= 4; sequence += 1) journal.append(tuples('two'), sequence, 1);
    expect(journal.seal().map(({ last }) => last)).toEqual([2, 4]);
    journal.close();
  });

  it('keeps nothing beyond its bound, and the number of what it did not keep', async () => {
    const folder = await temporaryFolder();
    const journal = openJournal({ folder, epoch: 5, maximumBytes: 5 });
    expect(journal.append(tuples('four'), 1, 1)).toBe(true);
    expect(journal.append(tuples('four'), 2, 1)).toBe(false);
    journal.countDropped(1);
    journal.countDropped(9);
    expect(journal.bytes).toBe(4);
    expect(findLeftovers(folder, 6)).toMatchObject([{ epoch: 5, dropped: 10 }]);
    journal.close();
  });

  it('finds what earlier epochs left, oldest first, and leaves the present one alone', async () => {
    const folder = await temporaryFolder();
    for (const epoch of [10, 9, 11]) {
      const journal = openJournal({ folder, epoch, maximumBytes: 100 });
      journal.append(tuples('x'), 1, 1);
      journal.close();
    }
    expect(findLeftovers(folder, 11).map(({ epoch }) => epoch)).toEqual([9, 10]);
  });
});
