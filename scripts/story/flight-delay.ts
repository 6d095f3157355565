import { copyFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Perennial } from '../../client/index.js';
import type { DeliveryView } from '../../contracts/delivery.js';
import { landMonth } from '../../examples/flight-delay/land-month.js';
import { sampleMonth, type Flight } from '../../examples/flight-delay/traffic.js';
import { awaitCondition } from './await-condition.js';
import type { Narrator } from './narrator.js';
import type { Replay } from './replay.js';
import type { Steward } from './steward.js';

export const model = 'flight-delay';
const engineer = 'data-scientist';
const slice = 500;
const monthNames = ['', 'January', 'February', 'March', 'April', 'May', 'June'];

export interface Stage {
  perennial: Perennial;
  narrator: Narrator;
  replay: Replay;
  steward: Steward;
  /** Folder of the specs, with `data/` beside them. */
  folder: string;
  /** Flights of a month that are asked about. */
  sampleSize: number;
  /** How long a person may take to answer. */
  patienceSeconds: number;
}

/** Half a year of one model: born in January, watched, retrained, and defended against a sabotaged version in May. */
export async function playFlightDelay(stage: Stage): Promise<void> {
  const { narrator } = stage;
  await prepareFolder(stage.folder);

  narrator.chapter('January 2001: the first version');
  await land(stage, 1);
  await apply(stage, 'model.yaml');
  await deliver(stage, 'the first version');
  await awaitEnd(stage, 1);

  narrator.chapter('February: twelve airports become twenty-one, the monitor watches');
  await playMonth(stage, 2, []);
  await settle(stage);

  narrator.chapter('March: whatever the monitor started meets real traffic');
  await playMonth(stage, 3, []);
  await settle(stage);

  narrator.chapter('April: somebody delivers a version that refuses airports it has never seen');
  await playMonth(stage, 4, []);
  await finishRunning(stage, 4);
  await apply(stage, 'sabotage.yaml');
  const before = newest(stage)?.number ?? 0;
  await deliver(stage, 'unknown airports are an error, are they not?');
  const sabotaged = await awaitCondition('the sabotaged delivery', () =>
    Promise.resolve(stage.steward.deliveries().find((each) => each.number > before)),
  );
  await apply(stage, 'model.yaml');
  await awaitStage(stage, sabotaged.number, ['release']);

  narrator.chapter('May: new airports open while its canary runs');
  await playMonth(stage, 5, [sabotaged.number]);
  await settle(stage);

  narrator.chapter('June: every airport is open');
  await playMonth(stage, 6, []);
  await settle(stage);
  await finishRunning(stage, 6);
}

async function prepareFolder(folder: string): Promise<void> {
  await mkdir(join(folder, 'data'), { recursive: true });
  const example = fileURLToPath(new URL('../../examples/flight-delay/', import.meta.url));
  for (const file of ['model.yaml', 'sabotage.yaml', 'contract.yaml'])
    await copyFile(join(example, file), join(folder, file));
}

async function land({ narrator, folder }: Stage, month: number): Promise<void> {
  const { rows, spoiled } = await landMonth({ month, folder: join(folder, 'data') });
  narrator.say(
    `${monthNames[month]}'s export lands: ${rows.toLocaleString('en')} flights, ${spoiled} of them spoiled on purpose`,
  );
}

async function apply({ perennial, narrator, folder }: Stage, file: string): Promise<void> {
  const { digest, created } = await perennial.applyFile(join(folder, file), { by: engineer });
  narrator.say(
    `${file} applied as spec ${digest.slice(0, 12)}${created ? '' : ' (known already)'}`,
  );
}

async function deliver({ perennial }: Stage, reason: string): Promise<void> {
  await perennial.startDelivery({
    model,
    trigger: 'manual',
    requestedBy: engineer,
    reason,
    ifRunning: 'refuse',
  });
}

/** Plays a month's sample, and goes on drawing from it until the named deliveries have ended: a canary needs traffic to be judged. */
async function playMonth(stage: Stage, month: number, until: number[]): Promise<void> {
  const { narrator, replay, sampleSize } = stage;
  await land(stage, month);
  const flights = await sampleMonth({ month, size: sampleSize, seed: 2001 });
  narrator.say(
    `${monthNames[month]}'s traffic: ${flights.length.toLocaleString('en')} flights asked about one by one, by their own event time`,
  );
  await replay.play(flights);
  await feedUntil(stage, month, () => until.every((number) => ended(stage, number)));
}

/** More flights of the month, slice by slice, until the condition holds. Each slice is a fresh draw, so that ids stay unique. */
async function feedUntil(stage: Stage, month: number, done: () => boolean): Promise<void> {
  const spare = await spareFlights(stage, month);
  for (let at = 0; !done(); at += slice) {
    const flights = spare.slice(at, at + slice);
    if (flights.length === 0)
      throw new Error(`${monthNames[month]} has no more flights, and the release has not ended.`);
    await stage.replay.play(flights);
  }
}

/** A larger draw with the same seed begins with other flights: those already played are left out. */
async function spareFlights({ sampleSize }: Stage, month: number): Promise<Flight[]> {
  const played = new Set(
    (await sampleMonth({ month, size: sampleSize, seed: 2001 })).map(({ id }) => id),
  );
  const larger = await sampleMonth({ month, size: sampleSize * 5, seed: 2001 });
  return larger.filter(({ id }) => !played.has(id));
}

/** Waits until the monitor has weighed what was played, and until a delivery it started needs traffic or has ended. */
async function settle(stage: Stage): Promise<void> {
  const before = await checksSoFar(stage);
  await awaitCondition(
    'the monitor to look twice',
    async () => (await checksSoFar(stage)) >= before + 2,
  );
  const running = newest(stage);
  if (running?.outcome === null) await awaitStage(stage, running.number, ['release']);
}

async function checksSoFar({ perennial }: Stage): Promise<number> {
  const [report] = (await perennial.drift(model, { limit: 1 })).reports;
  return report?.check ?? 0;
}

/** Feeds traffic to a release under way until it has ended. */
async function finishRunning(stage: Stage, month: number): Promise<void> {
  const running = newest(stage);
  if (running?.outcome !== null || !running) return;
  await awaitStage(stage, running.number, ['release']);
  await feedUntil(stage, month, () => ended(stage, running.number));
}

function newest({ steward }: Stage): DeliveryView | undefined {
  return steward.deliveries().toSorted((a, b) => b.number - a.number)[0];
}

function ended({ steward }: Stage, number: number): boolean {
  return steward.deliveries().some((each) => each.number === number && each.outcome !== null);
}

function awaitEnd(stage: Stage, number: number): Promise<boolean> {
  return awaitCondition(`delivery ${number} to end`, () => Promise.resolve(ended(stage, number)), {
    timeoutSeconds: stage.patienceSeconds,
  });
}

/** Waits until the delivery has come to one of the stages, or has ended. */
function awaitStage(stage: Stage, number: number, stages: string[]): Promise<boolean> {
  const reached = () =>
    stage.steward
      .deliveries()
      .some(
        (each) => each.number === number && (each.outcome !== null || stages.includes(each.stage)),
      );
  return awaitCondition(
    `delivery ${number} to reach ${stages.join(' or ')}`,
    () => Promise.resolve(reached()),
    {
      timeoutSeconds: stage.patienceSeconds,
    },
  );
}
