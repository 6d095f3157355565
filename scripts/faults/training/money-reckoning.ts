import { priceBook } from '../../../contracts/price-book.js';
import { setPriceBook } from '../../../db/money/price-book.js';
import type { Arena } from '../arena.js';
import { patiently } from '../patience.js';
import type { Strike } from './strike.js';
import type { Life } from './subject.js';

/** Round prices: a second of a training costs a thousand millionths, whatever GPUs it has. */
function pricesFor(gpuClasses: readonly string[]) {
  return priceBook.parse({
    currency: 'EUR',
    perHour: {
      cpu: '3.6',
      memoryGiB: '0',
      gpus: Object.fromEntries(gpuClasses.map((each) => [each, '0'])),
    },
    watts: { cpu: 10, memoryGiB: 1 },
    regions: { here: { carbon: 100 } },
    region: 'here',
  });
}

/** Milliseconds between two reckonings while a worker looks on. */
const reckoning = 3_000;
/** The same until it sees that a job has vanished, whose last reckoning then stands. */
const look = 1_500;
/** Milliseconds after its kill in which a worker or an engine may be away; supervision waits up to 30 s after many of them. */
const away = 45_000;

interface Account {
  attempt: number;
  /** Milliseconds in the ledger, of the job by its own clock where that is known, and from its opening to its end. */
  counted: number;
  own: number | null;
  wall: number;
  /** Its job was gone, with its clock. */
  vanished: boolean;
  /** When it was opened; milliseconds since 1970. */
  opened: number;
  spent: number;
  held: number;
  settled: boolean;
  /** Sums of its rows. */
  rows: number;
}

/** From here on every training is counted, also one on GPUs of these classes. */
export async function countTrainings(
  { database }: Arena,
  gpuClasses: readonly string[] = [],
): Promise<void> {
  const content = pricesFor(gpuClasses);
  await patiently(() => setPriceBook(database.db, { content, by: 'olive' }));
}

/**
 * What is wrong with the ledger of a training, a sentence each: each attempt is counted once, by its job's own clock, and settled. What the
 * trainer itself wrote down must agree with it; of a job that vanished, but for the time in which strikes had left nobody to look.
 */
export async function reckonMoney(
  arena: Arena,
  model: string,
  { lives, strikes }: { lives: readonly Life[]; strikes: readonly Strike[] },
): Promise<string[]> {
  const accounts = await accountsOf(arena, model);
  if (accounts.length === 0) return ['nothing was counted'];
  return [
    ...accounts.flatMap(judgeAccount),
    ...accounts.flatMap((account) => compareLives(account, lives, strikes)),
  ];
}

function judgeAccount({
  attempt,
  counted,
  own,
  wall,
  spent,
  held,
  settled,
  rows,
}: Account): string[] {
  return [
    ...(settled && held === 0 ? [] : [`attempt ${attempt} still holds ${held}`]),
    ...(counted === rows && spent === counted
      ? []
      : [`attempt ${attempt} has ${spent} for ${counted} ms, its rows ${rows} ms`]),
    ...(own !== null && Math.abs(counted - own) > reckoning
      ? [`attempt ${attempt} ran ${own} ms and was counted for ${counted}`]
      : []),
    ...(counted > wall + reckoning
      ? [`attempt ${attempt} was counted for ${counted} of ${wall} ms`]
      : []),
  ];
}

function compareLives(
  { attempt, counted, opened, vanished }: Account,
  all: readonly Life[],
  strikes: readonly Strike[],
): string[] {
  const lives = all.filter((life) => life.attempt === attempt);
  const ran = lives.reduce((sum, { from, to }) => sum + to - from, 0);
  // Of a life that is gone only that is known which somebody saw; of any other its last moment.
  const isLost = vanished || lives.length > 1;
  const blind = lives.reduce((sum, life) => sum + (isLost ? blindIn(life, strikes) + look : 0), 0);
  const least = ran - blind - reckoning;
  const [first] = lives;
  const over = (first?.to ?? 0) - opened;
  const isToldLate = lives.some((life) => isEngineAway(life, strikes));
  return [
    ...(counted < least
      ? [`attempt ${attempt} trained for ${ran} ms and was counted for ${counted}`]
      : []),
    // Before its first line it starts; a second life starts anew.
    ...(lives.length === 1 && !isToldLate && counted > over + reckoning
      ? [`attempt ${attempt} was over after ${over} ms and was counted for ${counted}`]
      : []),
  ];
}

/** Milliseconds of a life in which a killed worker or engine left nobody to look. */
function blindIn({ from, to }: Life, strikes: readonly Strike[]): number {
  let [blind, seen] = [0, from];
  for (const { target, at } of strikes.toSorted((one, other) => one.at - other.at)) {
    if (target !== 'worker' && target !== 'engine') continue;
    const [begin, end] = [Math.max(at, seen), Math.min(at + away, to)];
    if (end > begin) [blind, seen] = [blind + end - begin, end];
  }
  return blind;
}

/** An engine that comes back takes the moment at which it finds a container dead for that of its death. */
function isEngineAway({ from, to }: Life, strikes: readonly Strike[]): boolean {
  return strikes.some(
    ({ target, at }) => target === 'engine' && at > from - away && at < to + away,
  );
}

async function accountsOf({ database }: Arena, model: string): Promise<Account[]> {
  const text = `
    SELECT run.attempt, account.milliseconds::float8 AS counted, account.spent::float8, account.reserved::float8 AS held,
      account.settled_at IS NOT NULL AS settled, (run.outcome ->> 'seconds')::float8 * 1000 AS own,
      extract(epoch FROM run.ended_at - run.started_at)::float8 * 1000 AS wall,
      run.outcome ->> 'code' IS NOT DISTINCT FROM '75' AS vanished,
      extract(epoch FROM run.started_at)::float8 * 1000 AS opened,
      (SELECT coalesce(sum(milliseconds), 0)::float8 FROM ledger WHERE key = run.key) AS rows
    FROM training_run run LEFT JOIN training_account account USING (key) WHERE run.model = $1 ORDER BY 1`;
  const { rows } = await patiently(() => database.pool.query<Account>(text, [model]));
  return rows;
}
