import type { StopJudgement } from '../../contracts/search.js';
import type { ModelSpec } from '../../contracts/spec.js';
import type { SuperviseTrainingInput } from '../../contracts/stages.js';
import type { Database } from '../../db/connect.js';
import { readProgressOf } from '../../db/training/progress.js';
import {
  findJudgement,
  listTrialEvents,
  listTrialMetrics,
  recordJudged,
  trialsOf,
} from '../../db/training/trial.js';
import { judgeTrial, type TrialCurve } from '../../training/early-stop.js';

export function createEarlyStops({ db }: { db: Database }) {
  /**
   * A sentence where a running trial is to be stopped, since others did better at the same step; null where it may go on, and for a
   * training that is none. The judgement is kept with all that it was made from, so a second look, or a second worker, finds the same.
   */
  async function outdoneBy(
    { model, delivery, trial, key: job }: SuperviseTrainingInput,
    { training: { search } }: ModelSpec,
  ): Promise<string | null> {
    if (!trial || !search || search.stopEarly === 'none') return null;
    const key = { model, delivery };
    const { metric, direction, stopEarly: rule } = search;
    const before = await findJudgement(db, key, trial.number);
    if (before) return sentenceOf(before);
    const progress = await readProgressOf(db, job);
    // At its last step there is nothing left to be saved.
    if (progress?.total && progress.step >= progress.total) return null;
    const curves = await readCurves(key, metric);
    const own = curves.find((each) => each.trial === trial.number);
    const others = curves.filter((each) => each.trial !== trial.number);
    const judged = own && judgeTrial({ rule, metric, direction }, own, others);
    return judged ? sentenceOf(await recordJudged(db, key, trial.number, judged)) : null;
  }

  async function readCurves(
    key: { model: string; delivery: number },
    metric: string,
  ): Promise<TrialCurve[]> {
    const points = await listTrialMetrics(db, key, metric);
    return trialsOf(await listTrialEvents(db, key)).map(({ trial, state }) => ({
      trial,
      complete: state === 'complete',
      points: points.filter((each) => each.trial === trial),
    }));
  }

  return { outdoneBy };
}

function sentenceOf({ rule, metric, step, value, bar, others }: StopJudgement): string {
  const against = rule === 'median' ? 'the median of' : 'the bar of the better half among it and';
  return `At step ${step} its ${metric} was ${rounded(value)}, worse than ${rounded(bar)}, ${against} ${others.length} other trials; it was stopped.`;
}

function rounded(value: number): string {
  return String(Number(value.toPrecision(4)));
}
