import { expect, test } from 'vitest';
import { withDuckDb } from '../../dataset/duckdb.js';
import { temporaryFolder } from '../support/artifacts.js';

test('an aborted statement ends at once, with the reason for aborting it', async () => {
  const abort = new AbortController();
  const workFolder = await temporaryFolder();
  const endless = withDuckDb({ reads: [], workFolder, signal: abort.signal }, (duck) =>
    duck.rows('SELECT sum(a.range * b.range) FROM range(10000000) AS a, range(10000000) AS b'),
  );
  setTimeout(() => abort.abort(new Error('no longer wanted')), 100);
  await expect(endless).rejects.toThrow('no longer wanted');
});

test('a long statement tells how far it has come', async () => {
  const workFolder = await temporaryFolder();
  const abort = new AbortController();
  const told: (number | null)[] = [];
  const onProgress = (share: number | null) => {
    told.push(share);
    abort.abort(new Error('seen enough'));
  };
  const endless = withDuckDb({ reads: [], workFolder, signal: abort.signal, onProgress }, (duck) =>
    duck.rows('SELECT sum(a.range * b.range) FROM range(10000000) AS a, range(10000000) AS b'),
  );
  await expect(endless).rejects.toThrow('seen enough');
  expect(told.length).toBeGreaterThan(0);
});

test.each([
  `COPY (SELECT 1) TO '/tmp/perennial-not-here.csv'`,
  `ATTACH '/tmp/perennial-not-here.db'`,
  `INSTALL httpfs`,
  `SET enable_external_access = true`,
  `RESET lock_configuration`,
])('a locked-down connection refuses %s', async (statement) => {
  const workFolder = await temporaryFolder();
  await expect(
    withDuckDb({ reads: [], workFolder }, (duck) => duck.run(statement)),
  ).rejects.toThrow(/disabled|locked|cannot be modified|Cannot change/i);
});
