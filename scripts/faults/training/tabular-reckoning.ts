import { join } from 'node:path';
import type { ArtifactRef } from '../../../contracts/names.js';
import { openOnnxModel } from '../../../evaluation/onnx-model.js';
import { createFolderArtifacts } from '../../../runtime/artifacts/folder.js';
import { randomFrom } from '../../../statistics/random.js';
import type { Arena } from '../arena.js';
import { patiently } from '../patience.js';
import { tabularFeatures, type Tabular } from './tabular.js';
import { judgeEnds, keptAround, runsOf, type Run } from './runs.js';

/** What is wrong after a training by the tabular trainer, a sentence each: each attempt has to go on right behind what was kept before it. */
export async function reckonTabular(arena: Arena, { model }: Tabular): Promise<string[]> {
  const runs = await runsOf(arena, model);
  const problems = await Promise.all(runs.map((run) => judgeBeginnings(arena, run, runs)));
  return [...problems.flat(), ...(await judgeEnds(arena, runs))];
}

async function judgeBeginnings(
  { database }: Arena,
  { key, attempt }: Run,
  runs: readonly Run[],
): Promise<string[]> {
  const text = `
    SELECT coalesce(substring(line FROM 'Going on after (\\d+) of')::int, 0) AS after
    FROM training_log WHERE key = $1 AND line ~ '(Growing|Going on after) .*trees'`;
  const { rows } = await patiently(() => database.pool.query<{ after: number }>(text, [key]));
  const { before, own } = keptAround(runs, attempt);
  return rows
    .filter(({ after }) => after < before || after > own)
    .map(({ after }) => `attempt ${attempt} began after tree ${after}; kept was tree ${before}`);
}

/** Largest difference between the answers of two models to the same drawn rows. */
export async function compareAnswers(
  { home }: Arena,
  one: ArtifactRef,
  other: ArtifactRef,
): Promise<number> {
  const artifacts = createFolderArtifacts(join(home, 'artifacts'));
  const ask = async (model: ArtifactRef) => {
    const path = await artifacts.localPath(model);
    const onnx = await openOnnxModel({ path, threads: 1, features: tabularFeatures });
    try {
      return await onnx.run(drawSample());
    } finally {
      await onnx.close();
    }
  };
  const [expected, found] = [await ask(one), await ask(other)];
  return expected.reduce((most, p, at) => Math.max(most, Math.abs(p - (found[at] ?? 1))), 0);
}

/** The same rows each time; some of them hold what was never learnt, and numbers that are missing. */
function drawSample() {
  const rows = 2_000;
  const random = randomFrom('faults/tabular');
  const draw = (most: number) => Math.floor(random() * most);
  const numbers = (most: number) =>
    Float32Array.from({ length: rows }, () => (random() < 0.05 ? Number.NaN : draw(most)));
  return {
    hour: numbers(24),
    distance: numbers(2_200),
    origin: Array.from({ length: rows }, () => (random() < 0.05 ? '' : `A${draw(33)}`)),
  };
}
