import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { z } from 'zod';
import type { Benchmark } from './benchmark.js';
import { takeFlightsSnapshot } from './flights-snapshot.js';
import { median, runPairs } from './pairs.js';
import { preparePeers } from './peers.js';
import { comparedResult, skippedResult } from './result.js';
import { withTemporaryFolder } from './temporary-folder.js';

const pairs = 5;
const question = {
  name: 'validate',
  peer: null,
  unit: 'ms of CPU for three million rows',
  goal: 0.4,
};
const pathOf = (file: string) => fileURLToPath(new URL(file, import.meta.url));

/** What both halves print. */
const said = z.object({
  cpu: z.number(),
  wall: z.number(),
  rows: z.number(),
  quarantined: z.number(),
  megabytes: z.number(),
});
type Said = z.infer<typeof said>;

export const validate: Benchmark = {
  name: 'validate',
  what: 'a contract to its verdict and quarantine on three million flights against pandera on polars',
  run: async () => {
    const peers = await preparePeers();
    if ('skipped' in peers) return skippedResult(question, peers.skipped);
    return withTemporaryFolder(async (folder) => {
      const taken = await takeFlightsSnapshot(folder);
      await writeFile(join(folder, 'snapshot.json'), JSON.stringify(taken));
      const { manifest } = taken;
      const sha256 = manifest.files[0]?.artifact.sha256 ?? '';
      const file = join(folder, 'artifacts/sha256', sha256.slice(0, 2), sha256);
      const ours: Said[] = [];
      const theirs: Said[] = [];
      const measure = (found: Said[], program: string, args: string[]) => async () => {
        const one = await ask(program, args);
        found.push(one);
        return { cpu: one.cpu, wall: one.wall, operations: 1 };
      };
      const quarantine = join(folder, 'quarantine.parquet');
      const compared = await runPairs(pairs, {
        ours: measure(ours, process.execPath, [
          pathOf('../../runtime/launch.mjs'),
          pathOf('validate-flights.ts'),
          folder,
        ]),
        theirs: measure(theirs, peers.python, [pathOf('peers/validate.py'), file, quarantine]),
      });
      requireAgreement(ours, theirs, manifest.rows);
      const peer = `${peers.version('pandera')} on ${peers.version('polars')}`;
      return comparedResult({ ...question, peer }, compared, {
        rows: manifest.rows,
        quarantined: ours[0]?.quarantined ?? 0,
        ourMegabytes: median(ours.map(({ megabytes }) => megabytes)),
        theirMegabytes: median(theirs.map(({ megabytes }) => megabytes)),
      });
    });
  },
};

/** One thread on either side. */
async function ask(program: string, args: string[]): Promise<Said> {
  const { stdout } = await promisify(execFile)(program, args, {
    cwd: pathOf('.'),
    env: { ...process.env, POLARS_MAX_THREADS: '1', PYTHONDONTWRITEBYTECODE: '1' },
    maxBuffer: 2 ** 26,
  });
  return said.parse(JSON.parse(stdout.trim().split('\n').at(-1) ?? ''));
}

function requireAgreement(ours: Said[], theirs: Said[], rows: number): void {
  const quarantined = ours[0]?.quarantined;
  for (const found of [...ours, ...theirs])
    if (found.rows !== rows || found.quarantined !== quarantined)
      throw new Error(
        `The answers differ: ${JSON.stringify(found)}; expected were ${rows} rows, ${quarantined} of them in quarantine`,
      );
}
