import { beforeAll, expect, test } from 'vitest';
import type { SearchSpace } from '../../contracts/search.js';
import { createSuggest, type Study, type KnownTrial } from '../../training/suggest.js';
import { trainerPython } from '../support/trainer.js';

const space: SearchSpace = {
  rate: { type: 'float', low: 0.001, high: 1, log: true },
  depth: { type: 'int', low: 2, high: 9 },
  kind: { type: 'categorical', choices: ['gbdt', true, 3] },
};
const suggest = createSuggest(await trainerPython());

/** A study of so many trials, asked for one after the other; far from 0.1 is worse, and every fourth comes to nothing. */
async function play(last: number, seed: number): Promise<Study> {
  const study: Study = { space, direction: 'minimize', seed, number: 1, known: [] };
  for (let number = 1; number <= last; number += 1) {
    const parameters = await suggest(study);
    const value = Math.abs(Math.log10(Number(parameters.rate)) + 1);
    const told: KnownTrial = { state: 'complete', parameters, value, step: 10 };
    if (number % 4 === 2) told.state = 'pruned';
    if (number % 4 === 3) Object.assign(told, { state: 'failed', value: null, step: null });
    study.known.push(told);
    study.number += 1;
  }
  return study;
}

let study: Study;
beforeAll(async () => {
  study = await play(3, 7);
});

test('a study that is played again with its seed is the same study', async () => {
  expect(await play(3, 7)).toEqual(study);
});

test('suggestions stay within what was asked for, each another one, also past the random beginning and while others run', async () => {
  const { known } = study;
  const long = Array.from({ length: 4 }).flatMap(() => known);
  const running: KnownTrial = { ...known[0]!, state: 'asked', value: null, step: null };
  const asked: Study = { ...study, direction: 'maximize', known: [...long, running] };
  const [one, same] = await Promise.all([suggest(asked), suggest(structuredClone(asked))]);
  expect(same).toEqual(one);
  for (const each of [...known.map((told) => told.parameters), one]) {
    expect(each.rate).toBeGreaterThanOrEqual(0.001);
    expect(each.rate).toBeLessThanOrEqual(1);
    expect([2, 3, 4, 5, 6, 7, 8, 9]).toContain(each.depth);
    expect(['gbdt', true, 3]).toContain(each.kind);
  }
  expect(new Set(known.map((told) => told.parameters.rate)).size).toBe(known.length);
});

test('a command that fails is told with its last words', async () => {
  const wrong = { ...study, direction: 'sideways' as never };
  await expect(suggest(wrong)).rejects.toMatchObject({
    code: 'SUGGESTION_FAILED',
    message: expect.stringContaining('sideways') as string,
  });
});
