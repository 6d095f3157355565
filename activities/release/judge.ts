import { activityInfo, heartbeat, sleep } from '@temporalio/activity';
import { milliseconds } from '../../contracts/duration.js';
import type { ArmCounts, JudgePolicy, Judgement } from '../../contracts/release.js';
import type { ModelSpec } from '../../contracts/spec.js';
import type { JudgeStepInput, JudgeStepResult } from '../../contracts/stages.js';
import { loadApproval } from '../../db/delivery/approval.js';
import {
  addHistograms,
  armAnswers,
  armWindows,
  latencyBefore,
} from '../../db/release/arm-counts.js';
import type { Database } from '../../db/connect.js';
import {
  lastJudgement,
  markJudged,
  storeJudgement,
  type ReleaseKey,
} from '../../db/release/release.js';
import { addToOutbox } from '../../db/outbox.js';
import { revisionsOfActs } from '../../db/release/route.js';
import { loadSpec } from '../../db/model/spec.js';
import { stepActsOf } from '../../release/acts.js';
import { dispersionOfArms, exposureSince, totalOf } from '../../release/arm-totals.js';
import { judgeStep as judgeLook } from '../../release/judge.js';
import { freezeLatencyBound } from '../../release/latency.js';
import type { Clock } from '../../runtime/clock.js';
import type { Log } from '../../runtime/log.js';
import type { JudgeActivities } from '../index.js';

/** So often a sign of life goes out while nothing is to be done: pause and abort arrive with its answer. */
const breath = 1_000;
/** A gateway's clock may be behind the database's. */
const clockSlack = 5 * 60_000;

export interface JudgeDependencies {
  db: Database;
  log: Log;
  clock: Clock;
}

/** Watches canary steps. */
export function createJudgeActivities({ db, log, clock }: JudgeDependencies): JudgeActivities {
  /**
   * Looks at a canary step every `every` milliseconds until the counts say promote or roll back, or until `maximumTime` has passed: ask.
   * A second run reads the same counts, goes on numbering its looks after the stored ones and comes to the same answer; it moves
   * nothing. Ends at once when cancelled.
   */
  async function judgeStep(input: JudgeStepInput): Promise<JudgeStepResult> {
    const key = { model: input.model, delivery: input.delivery, version: input.version };
    const policy = policyOf((await loadSpec(db, input.specDigest)).spec.release.judge, input);
    const startedAt = activityInfo().scheduledTimestampMs;
    const heldSince = input.since ?? startedAt;
    const moves = await revisionsOfActs(db, input.model, stepActsOf(input));
    const revisions = moves.map(({ revision }) => revision);
    const since = new Date((moves[0]?.at.getTime() ?? startedAt) - clockSlack);
    const before = await lastJudgement(db, key);
    let look = before?.step === input.step ? before.look : 0;
    let latencyBound = before?.basis.latencyBound ?? null;
    let kept: Judgement | null = null;
    await markJudged(db, key, { status: 'canary', step: input.step, steered: input.steered });

    for (;;) {
      const { windows, canary, baseline } = await readArms(input.model, revisions, since);
      latencyBound ??= await findLatencyBound(input, revisions, [canary, baseline]);
      const seen = judgeLook({
        step: input.step,
        look: look + 1,
        at: clock.now().toISOString(),
        canary,
        baseline,
        expectedShare: 0.5,
        basis: {
          exposure: {
            requests: exposureSince(windows, input.sinceRevision),
            milliseconds: Math.max(0, clock.now().getTime() - heldSince),
          },
          latencyBound,
          dispersion: dispersionOfArms(windows, latencyBound),
          policy,
        },
      });
      const decided = seen.recommendation !== 'wait';
      const judgement: Judgement | null =
        decided || saysMore(seen, kept) ? await keep(key, seen) : kept;
      kept = judgement;
      look = judgement?.look ?? look;
      const report = () => heartbeat({ look, reason: seen.reason });
      report();
      if (decided && judgement) {
        if (judgement.recommendation === 'ask')
          await askPeople(key, input, { judgement, asking: `${input.step}/${startedAt}` });
        const { step, recommendation } = judgement;
        log.info('A canary step is judged', { ...key, step, look, recommendation });
        return { judgement };
      }
      await waitBreathing(input.every, report);
    }
  }

  /**
   * The release waits, and whoever may decide is told: once for each stretch of time that a step was given. Where a person has paused or
   * steered it meanwhile, this judge is asked no more: nothing is said.
   */
  async function askPeople(
    key: ReleaseKey,
    { steered }: JudgeStepInput,
    { judgement, asking }: { judgement: Judgement; asking: string },
  ): Promise<void> {
    const { model, delivery, version } = key;
    await db.transaction(async (tx) => {
      if (!(await markJudged(tx, key, { status: 'waiting', steered }))) return;
      const approved = await loadApproval(tx, key);
      await addToOutbox(tx, {
        key: `release.waiting/${model}/${delivery}/${version}/${asking}`,
        type: 'release.waiting',
        subject: `${model} v${version}`,
        payload: {
          ...key,
          to: approved?.policy.approvers ?? [],
          evidence: approved?.evidence ?? null,
          step: judgement.step,
          look: judgement.look,
          summary: judgement.reason,
        },
      });
    });
  }

  async function readArms(model: string, revisions: readonly number[], since: Date) {
    const windows = await armWindows(db, model, revisions);
    const answers = await armAnswers(db, model, revisions, since);
    const canary: ArmCounts = { ...totalOf(windows, 'canary'), ...answers.canary };
    const baseline: ArmCounts = { ...totalOf(windows, 'baseline'), ...answers.baseline };
    return { windows, canary, baseline };
  }

  /** From what was served before the canary came or, where nobody was, from both arms together. */
  async function findLatencyBound(
    { model, champion, sinceRevision }: JudgeStepInput,
    revisions: readonly number[],
    arms: readonly ArmCounts[],
  ): Promise<number | null> {
    const before = await latencyBefore(db, model, champion, revisions[0] ?? sinceRevision);
    const together = arms.map(({ latency }) => latency).reduce(addHistograms);
    return freezeLatencyBound(before) ?? freezeLatencyBound(together);
  }

  /** A judge that was cancelled and has not heard of it yet may have taken the number: then the next one. */
  async function keep(key: ReleaseKey, judged: Judgement): Promise<Judgement> {
    for (let judgement = judged; ; judgement = { ...judgement, look: judgement.look + 1 })
      if (await storeJudgement(db, key, judgement)) return judgement;
  }

  return { judgeStep };
}

/** A look at the same counts says nothing new and is not kept. */
function saysMore(judgement: Judgement, kept: Judgement | null): boolean {
  if (!kept) return true;
  return (['canary', 'baseline'] as const).some(
    (arm) =>
      judgement[arm].requests !== kept[arm].requests ||
      judgement[arm].labelled !== kept[arm].labelled ||
      judgement[arm].entities !== kept[arm].entities,
  );
}

async function waitBreathing(time: number, breathe: () => void): Promise<void> {
  const end = Date.now() + time;
  for (let left = time; left > 0; left = end - Date.now()) {
    await sleep(Math.min(left, breath));
    breathe();
  }
}

function policyOf(judge: ModelSpec['release']['judge'], input: JudgeStepInput): JudgePolicy {
  return {
    minimumRequests: judge.minimumRequests,
    minimumTime: milliseconds(judge.minimumTime),
    maximumTime: input.maximumTime,
    alpha: judge.alpha,
    errorRateMargin: judge.errorRateMargin,
    latencyRatioMargin: judge.latencyRatioMargin,
    businessMargin: judge.businessMargin,
  };
}
