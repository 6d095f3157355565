import { PerennialError } from '../../contracts/errors.js';
import type { Search, TrialView } from '../../contracts/search.js';
import type {
  AskedTrial,
  AskTrialInput,
  DeliveryKey,
  SearchKey,
  TellTrialInput,
  ToldTrial,
  TrainModelResult,
} from '../../contracts/stages.js';
import type { Database } from '../../db/connect.js';
import { loadSpec } from '../../db/model/spec.js';
import { newestTrialRun } from '../../db/training/training.js';
import {
  listTrialEvents,
  listTrialMetricNames,
  listTrialMetrics,
  recordAsked,
  recordChosen,
  recordTold,
  trialsOf,
  type ToldResult,
} from '../../db/training/trial.js';
import type { Suggest } from '../../training/suggest.js';
import { whileBeating } from '../heartbeat.js';

export function createTrialSuggestions({ db, suggest }: { db: Database; suggest: Suggest }) {
  /**
   * Gives a trial its parameters, from all that was asked and told before it. The number names the trial: a second run, or a second worker
   * that was faster, finds what it was given. Throws SUGGESTION_FAILED.
   */
  async function askTrial({
    model,
    delivery,
    specDigest,
    number,
  }: AskTrialInput): Promise<AskedTrial> {
    const key = { model, delivery };
    const { search, seed } = await searchOf(db, specDigest);
    const events = await listTrialEvents(db, key);
    const before = trialsOf(events);
    const known = before.find(({ trial }) => trial === number);
    if (known) return { number, parameters: known.parameters };
    const study = {
      space: search.parameters,
      direction: search.direction,
      seed,
      number,
      known: before.map(({ state, parameters, value, step }) => ({
        state,
        parameters,
        value,
        step,
      })),
    };
    const parameters = await whileBeating(({ signal }) => suggest(study, signal));
    const seen = events.at(-1)?.sequence ?? 0;
    return { number, parameters: await recordAsked(db, key, number, { parameters, seen }) };
  }

  return { askTrial };
}

export function createSearchRecords({ db }: { db: Database }) {
  /**
   * Records how a trial ended, with the value that it is compared by. `over` says where no further one is to be begun: the money is
   * spent, or the trainer does not know the metric. The first record stands; a second run finds it and says the same.
   */
  async function tellTrial({
    model,
    delivery,
    specDigest,
    number,
    trained,
  }: TellTrialInput): Promise<ToldTrial> {
    const key = { model, delivery };
    const { search } = await searchOf(db, specDigest);
    const result = await resultOf(key, { number, trained, search });
    const { event, value, reason } = await recordTold(db, key, number, result);
    const unknown = trained.kind === 'succeeded' && event === 'failed';
    const unpaid = trained.kind !== 'succeeded' && trained.error === 'BUDGET_EXCEEDED';
    const over = unknown || unpaid ? { reason, stopOthers: unknown } : null;
    return { state: event as ToldResult['event'], value, over };
  }

  async function resultOf(
    key: DeliveryKey,
    { number, trained, search }: { number: number; trained: TrainModelResult; search: Search },
  ): Promise<ToldResult> {
    const points = await listTrialMetrics(db, key, search.metric);
    const last = points.findLast(({ trial }) => trial === number);
    const attempts = trained.attempt;
    const [value, step] = [last?.value ?? null, last?.step ?? null];
    if (trained.kind !== 'succeeded') {
      const event = trained.error === 'TRIAL_PRUNED' ? 'pruned' : 'failed';
      return { event, value, step, attempts, artifact: null, reason: trained.reason };
    }
    // What the trainer hands over with its model is its last word.
    const final = trained.metrics[search.metric] ?? value;
    if (final !== null && Number.isFinite(final))
      return {
        event: 'complete',
        value: final,
        step,
        attempts,
        artifact: trained.model,
        reason: '',
      };
    const names = new Set([
      ...Object.keys(trained.metrics),
      ...(await listTrialMetricNames(db, key, number)),
    ]);
    const { message } = new PerennialError(
      'METRIC_UNKNOWN',
      `The trainer tells no metric '${search.metric}'; it tells ${[...names].toSorted().join(', ') || 'none'}.`,
    );
    return { event: 'failed', value: null, step: null, attempts, artifact: null, reason: message };
  }

  /**
   * Ends a search: the best trial's training becomes the training of the delivery. Of equals the first; with none, a failure that says why.
   * A second run finds the same trial chosen.
   */
  async function chooseTrial({
    model,
    delivery,
    specDigest,
  }: SearchKey): Promise<TrainModelResult> {
    const key = { model, delivery };
    const { search } = await searchOf(db, specDigest);
    const trials = trialsOf(await listTrialEvents(db, key));
    const best = trials.find(({ chosen }) => chosen) ?? bestOf(trials, search);
    if (!best) return nothingOf(trials);
    await recordChosen(db, key, best.trial);
    const run = await newestTrialRun(db, key, best.trial);
    if (run?.outcome?.kind !== 'succeeded')
      throw new PerennialError(
        'INTERNAL',
        `Trial ${best.trial} of ${model}/${delivery} has no model.`,
      );
    const { trial: number, parameters } = best;
    return { ...run.outcome, attempt: run.attempt, trial: { number, parameters } };
  }

  return { tellTrial, chooseTrial };
}

async function searchOf(
  db: Database,
  specDigest: string,
): Promise<{ search: Search; seed: number }> {
  const { search, seed } = (await loadSpec(db, specDigest)).spec.training;
  if (!search) throw new PerennialError('INTERNAL', `Spec ${specDigest} asks for no search.`);
  return { search, seed };
}

function bestOf(trials: readonly TrialView[], { direction }: Search): TrialView | undefined {
  const sign = direction === 'minimize' ? 1 : -1;
  return trials
    .filter(({ state }) => state === 'complete')
    .toSorted(
      (one, other) => sign * ((one.value ?? 0) - (other.value ?? 0)) || one.trial - other.trial,
    )[0];
}

function nothingOf(trials: readonly TrialView[]): TrainModelResult {
  const last = trials.findLast(({ state }) => state === 'failed') ?? trials.at(-1);
  const reason = `None of ${trials.length} trials ended with a model. Trial ${last?.trial ?? 0}: ${last?.reason ?? 'was never begun.'}`;
  return {
    kind: 'failed',
    error: 'TRAINING_FAILED',
    code: 1,
    reason,
    attempt: last?.attempts ?? 0,
  };
}
