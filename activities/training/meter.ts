import { tightestOf, type BudgetView, type Enough } from '../../contracts/budget.js';
import { milliseconds } from '../../contracts/duration.js';
import type { JobStatus } from '../../contracts/training.js';
import { budgetsOver, tellExceeded, tellSoftLimit } from '../../db/money/budget.js';
import type { Database } from '../../db/connect.js';
import {
  countedBefore,
  findAccount,
  postUsage,
  reserveMore,
  settleAccount,
  type TrainingAccount,
} from '../../db/money/ledger.js';
import { readPace } from '../../db/money/pace.js';
import { specOfDelivery } from '../../db/model/spec.js';
import { estimateCost, meterUsage } from '../../governance/price.js';
import { estimateEnough, exceededSentence } from '../../governance/reservation.js';
import type { Clock } from '../../runtime/clock.js';

/** How long a job has run by its backend's word; milliseconds. */
export interface JobClock {
  startedAt: string;
  ran: number;
}

/** How long an ended job ran; null where nobody knows any more. */
export function clockOf(status: JobStatus): JobClock | null {
  if (status.state !== 'exited') return null;
  const { startedAt, finishedAt } = status;
  return { startedAt, ran: Date.parse(finishedAt) - Date.parse(startedAt) };
}

/** Counts what trainings cost, and says when one may not go on. Without a price book it counts nothing and stops nobody. */
export interface TrainingMeter {
  /** A look at the job's own clock; a sentence where it must stop now. */
  charge(key: string, clock: JobClock): Promise<string | null>;
  /** Counts to the job's last millisecond, where that is known, and releases what is still held. */
  settle(key: string, clock: JobClock | null): Promise<void>;
}

/** Milliseconds between two reckonings: no more than this is spent above a hard limit while a worker looks on. */
export const reckonEvery = 3_000;

export function createTrainingMeter({
  db,
  clock,
  every,
  grace,
}: {
  db: Database;
  clock: Clock;
  /** Milliseconds between two reckonings. */
  every: number;
  /** Milliseconds that a trainer gets to write its checkpoint; they are held in advance. */
  grace: number;
}): TrainingMeter {
  const lastReckoning = new Map<string, number>();
  /** Milliseconds that an earlier life of the job was counted for, by the start of the present one. */
  const earlier = new Map<string, { startedAt: string; counted: number }>();

  /** The job's clock is what is counted, up to where it stands: a second look at the same time finds nothing to count. */
  async function charge(key: string, job: JobClock): Promise<string | null> {
    const now = clock.now().getTime();
    if (now - (lastReckoning.get(key) ?? -Infinity) < every) return null;
    lastReckoning.set(key, now);
    const account = await countUpTo(key, job);
    if (!account || account.settledAt) return null;
    return mustStop(account, await standingsOf(account));
  }

  /** How the budgets over a training stand, after those are told of whose soft limit is passed. */
  async function standingsOf(account: TrainingAccount): Promise<BudgetView[]> {
    const standings = await budgetsOver(db, account);
    for (const each of standings)
      if (each.soft !== null && each.spent >= each.soft) await tellSoftLimit(db, each);
    return standings;
  }

  /** It must be able to pay until the next reckoning, and for the grace after that. */
  async function mustStop(
    account: TrainingAccount,
    standings: BudgetView[],
  ): Promise<string | null> {
    const ahead = estimateCost(account.rate, every + grace);
    const more = ahead - account.reserved;
    const passed =
      standings.find(({ hard, spent }) => hard !== null && spent + ahead > hard) ??
      (more > 0 && !(await reserveMore(db, account, more)) ? tightestOf(standings) : undefined);
    if (!passed) return null;
    const ran = { seconds: account.milliseconds / 1_000, spent: account.spent };
    // What it holds itself is free again once it has stopped.
    const left = { ...passed, reserved: Math.max(0, passed.reserved - account.reserved) };
    const reason = exceededSentence(left, { needs: ahead, enough: await enoughFor(account), ran });
    await tellExceeded(db, { key: account.key, budget: passed, reason });
    return reason;
  }

  /** What takes it on to its likely end. */
  async function enoughFor(account: TrainingAccount): Promise<Enough> {
    const { spec } = await specOfDelivery(db, account);
    const timeout = milliseconds(spec.training.timeout);
    const pace = await readPace(db, account);
    return estimateEnough(account.rate, { ...pace, timeout, least: every + grace });
  }

  async function countUpTo(key: string, job: JobClock): Promise<TrainingAccount | null> {
    for (;;) {
      const account = await findAccount(db, key);
      if (!account || account.settledAt) return account;
      const since =
        Math.round(job.ran) + (await beforeThisLife(account, job)) - account.milliseconds;
      if (since <= 0) return account;
      const { rate, remainder } = account;
      const until = clock.now();
      // Not posted where another supervisor was faster: its row may stop short of where we look.
      await postUsage(db, account, meterUsage(rate, { milliseconds: since, until, remainder }));
    }
  }

  async function beforeThisLife(
    { key }: TrainingAccount,
    { startedAt }: JobClock,
  ): Promise<number> {
    const known = earlier.get(key);
    if (known?.startedAt === startedAt) return known.counted;
    const counted = await countedBefore(db, key, new Date(startedAt));
    earlier.set(key, { startedAt, counted });
    return counted;
  }

  /** A second run finds the account settled. */
  async function settle(key: string, job: JobClock | null): Promise<void> {
    for (;;) {
      const account = job === null ? await findAccount(db, key) : await countUpTo(key, job);
      if (!account || account.settledAt) break;
      await standingsOf(account);
      await settleAccount(db, account);
    }
    lastReckoning.delete(key);
    earlier.delete(key);
  }

  return { charge, settle };
}
