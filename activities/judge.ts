import { activityInfo, heartbeat, sleep } from '@temporalio/activity';
import { milliseconds } from '../contracts/duration.js';
import type { JudgePolicy, Judgement } from '../contracts/release.js';
import type { ModelSpec } from '../contracts/spec.js';
import type { JudgeStepInput, JudgeStepResult } from '../contracts/stages.js';
import { armAnswers, armWindows, latencyBefore } from '../db/arm-counts.js';
import type { Database } from '../db/connect.js';
import { lastJudgement, markRelease, storeJudgement } from '../db/release.js';
import { revisionsOfActs } from '../db/route.js';
import { loadSpec } from '../db/spec.js';
import { stepActsOf } from '../release/acts.js';
import { dispersionOfArms, exposureSince, totalOf } from '../release/arm-totals.js';
import { judgeStep as judgeLook } from '../release/judge.js';
import { freezeLatencyBound } from '../release/latency.js';
import type { Clock } from '../runtime/clock.js';
import type { Log } from '../runtime/log.js';
import type { JudgeActivities } from './index.js';

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
    const moves = await revisionsOfActs(db, input.model, stepActsOf(input));
    const revisions = moves.map(({ revision }) => revision);
    const since = new Date((moves[0]?.at.getTime() ?? startedAt) - clockSlack);
    const before = await lastJudgement(db, key);
    let look = before?.step === input.step ? before.look : 0;
    let latencyBound = before?.basis.latencyBound ?? null;
    let kept: Judgement | null = null;
    await markRelease(db, key, { status: 'canary', step: input.step });

    for (;;) {
      const windows = await armWindows(db, input.model, revisions);
      const answers = await armAnswers(db, input.model, revisions, since);
      const canary = { ...totalOf(windows, 'canary'), ...answers.canary };
      const baseline = { ...totalOf(windows, 'baseline'), ...answers.baseline };
      latencyBound ??=
        freezeLatencyBound(
          await latencyBefore(db, input.model, input.champion, revisions[0] ?? input.sinceRevision),
        ) ??
        // Nobody was served before the canary came: what is slow is then told from both arms together.
        freezeLatencyBound(
          canary.latency.map((count, bin) => count + (baseline.latency[bin] ?? 0)),
        );
      look += 1;
      const judgement = judgeLook({
        step: input.step,
        look,
        at: clock.now().toISOString(),
        canary,
        baseline,
        expectedShare: 0.5,
        basis: {
          exposure: {
            requests: exposureSince(windows, input.sinceRevision),
            milliseconds: Math.max(0, clock.now().getTime() - startedAt),
          },
          latencyBound,
          dispersion: dispersionOfArms(windows, latencyBound),
          policy,
        },
      });
      const decided = judgement.recommendation !== 'wait';
      if (decided || saysMore(judgement, kept)) {
        await storeJudgement(db, key, judgement);
        kept = judgement;
      } else {
        look -= 1;
      }
      const report = () => heartbeat({ look: judgement.look, reason: judgement.reason });
      report();
      if (decided) {
        if (judgement.recommendation === 'ask') await markRelease(db, key, { status: 'waiting' });
        log.info('A canary step is judged', {
          ...key,
          step: input.step,
          look,
          recommendation: judgement.recommendation,
        });
        return { judgement };
      }
      await waitBreathing(input.every, report);
    }
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
