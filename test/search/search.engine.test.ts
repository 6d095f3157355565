import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import type { TrainModelResult } from '../../contracts/stages.js';
import { listTrialEvents, trialsOf } from '../../db/training/trial.js';
import { engineAddress } from '../../scripts/engine/own-engine.js';
import { createDockerBackend } from '../../training/docker/backend.js';
import { connectEngine } from '../../training/docker/engine.js';
import { openSearchWorld, type SearchWorld } from './world.js';

describe('A search whose trials train in containers', () => {
  const engine = connectEngine(engineAddress(inject('engineFolder')));
  let world: SearchWorld;

  beforeAll(async () => {
    const image = inject('bareImage');
    world = await openSearchWorld((parts) => createDockerBackend({ engine, image, ...parts }));
  });
  afterAll(() => world.close());

  test('runs each in one of its own, two at a time, chooses the best, and leaves none', async () => {
    const { db, artifacts, given, start } = world;
    const asked = await given('rate:', { trials: 3 });
    const began = Math.floor(Date.now() / 1_000);
    const handle = await start(asked, { trials: 3, parallel: 2 });
    const result = (await handle.result()) as Extract<TrainModelResult, { kind: 'succeeded' }>;

    const trials = trialsOf(await listTrialEvents(db, asked.key));
    const best = trials.toSorted((one, other) => (one.value ?? 0) - (other.value ?? 0))[0];
    expect(trials.map(({ state }) => state)).toEqual(['complete', 'complete', 'complete']);
    expect(best).toMatchObject({ chosen: true });
    expect(result).toMatchObject({ kind: 'succeeded', trial: { number: best?.trial } });
    // What the trainer of that very trial wrote: its last word is the rate that it was given, as text.
    const model = await artifacts.readJson(result.model);
    expect(model).toEqual([expect.anything(), String(best?.parameters['rate'])]);

    const said = await eventsOf(asked.key.model, began);
    const started = said.filter(({ Action }) => Action === 'start');
    expect(new Set(started.map(({ Actor }) => Actor.Attributes['name'])).size).toBe(3);
    expect(started).toHaveLength(3);
    expect(mostAtOnce(said)).toBe(2);
    const label = [`perennial.model=${asked.key.model}`];
    expect(await engine.listContainers({ all: true, filters: { label } })).toEqual([]);
  });

  interface EngineEvent {
    Action: string;
    Actor: { Attributes: Record<string, string> };
  }

  /** What the engine itself has noted of a model's containers. */
  async function eventsOf(model: string, since: number): Promise<EngineEvent[]> {
    const filters = { type: ['container' as const], label: [`perennial.model=${model}`] };
    const until = Math.ceil(Date.now() / 1_000);
    const stream = await engine.getEvents({ since, until, filters });
    let text = '';
    for await (const part of stream) text += String(part);
    return text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as EngineEvent);
  }
});

function mostAtOnce(events: readonly { Action: string }[]): number {
  let running = 0;
  let most = 0;
  for (const { Action } of events) {
    if (Action === 'start') running += 1;
    if (Action === 'die') running -= 1;
    most = Math.max(most, running);
  }
  return most;
}
