import { execFileSync } from 'node:child_process';
import { mkdir, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { readPlainFile } from '../../training/plain-file.js';
import { readProgress } from '../../training/progress.js';
import { temporaryFolder } from '../support/artifacts.js';

describe('What a trainer wrote', () => {
  let folder: string;
  const at = (name: string) => join(folder, name);
  beforeAll(async () => {
    folder = await temporaryFolder();
    await writeFile(at('whole'), 'twelve bytes');
    await mkdir(at('folder'));
    await symlink('whole', at('link'));
    await symlink('/dev/zero', at('endless'));
    execFileSync('mkfifo', [at('pipe')]);
  });

  it('is read up to a limit, from an offset on', async () => {
    expect(String(await readPlainFile(at('whole'), 100))).toBe('twelve bytes');
    expect(String(await readPlainFile(at('whole'), 5, 7))).toBe('bytes');
  });

  it.each(['missing', 'whole/below', 'folder', 'link', 'endless', 'pipe'])(
    'is nothing where it is no plain file: %s',
    async (name) => {
      expect(await readPlainFile(at(name), 100)).toBeNull();
      expect(await readProgress(at(name), 0)).toEqual({ lines: [], next: 0 });
    },
  );

  it('is a sign of life and no more where the progress has no end', async () => {
    await writeFile(at('progress'), '{"step":1}\n');
    // A file with a hole: a terabyte that takes no room.
    await truncate(at('progress'), 2 ** 40);
    const read = await readProgress(at('progress'), 16 * 1024 * 1024);
    expect(read).toEqual({ lines: [], next: 2 ** 40 });
    expect((await readProgress(at('progress'), read.next)).next).toBe(read.next);
  });
});
