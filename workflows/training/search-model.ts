import {
  CancellationScope,
  continueAsNew,
  defineQuery,
  executeChild,
  patched,
  setCurrentDetails,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import { queries, workflowId } from '../../contracts/messages.js';
import type {
  AskedTrial,
  StoppedAttempts,
  ToldTrial,
  TrainModelInput,
  TrainModelResult,
} from '../../contracts/stages.js';
import { atOnce } from '../at-once.js';
import { createMoneyWait } from './await-money.js';
import { compute, pipeline, promptly } from '../offers.js';
import { attributes } from '../search-attributes.js';
import { renderSearch, type SearchState, type UnpaidTrial } from './search-details.js';
import type { trainModel } from './train-model.js';

/** Events that one trial adds, and after how many of them a run begins no further trial: it ends within a hundred. */
const eventsPerTrial = 18;
const eventsPerRun = 92;
/** Of a long search the newest; the table of trials has them all. */
const storyLines = 40;

/**
 * Trains one delivery's model several times, each trial by parameters that are suggested from those before, so many at a time as the plan
 * says. Ends as `trainModel` does: with the best trial's model, or a reason why there is none. A trial that fails does not end the search.
 * Money that is spent ends it where a trial is complete; else the search asks people for more, and goes on with the trials it stopped.
 */
export async function searchModel(
  input: TrainModelInput & { carried?: SearchState },
): Promise<TrainModelResult> {
  const { model, delivery, specDigest, plan, carried } = input;
  const { trials = 1, parallel = 1 } = plan.search ?? {};
  const key = { model, delivery, specDigest };
  const state: SearchState = carried ?? { begun: 0, story: [] };
  const goingOn = [...(state.unpaid ?? [])];
  const unpaid: UnpaidTrial[] = [];
  let begunHere = 0;
  const lanes = new CancellationScope();
  let running = 0;
  let over: string | null = null;
  setHandler(defineQuery<SearchState>(queries.state), () => state);
  setHandler(defineQuery<TrainModelInput['plan']>(queries.plan), () => plan);

  const money = createMoneyWait({
    prompt: true,
    show(awaited, line) {
      state.money = awaited;
      tell(line);
    },
    onRefused: () => {},
  });

  let failure: unknown;
  await lanes.run(() => Promise.all(Array.from({ length: parallel }, goThroughTrials)));
  state.unpaid = [...goingOn, ...unpaid];
  try {
    // A search that is over has itself cancelled what still ran.
    if (failure !== undefined && over === null) throw failure;
    if (over !== null || !(await goesOn())) return await end();
  } catch (error) {
    await CancellationScope.nonCancellable(() => tellUnpaid(withSearch));
    throw error;
  } finally {
    await money.finish();
  }
  return continueAsNew<typeof searchModel>({ ...input, carried: state });

  /** Never rejects: the search waits until each trainer has been stopped. */
  async function goThroughTrials(): Promise<void> {
    try {
      while (over === null && failure === undefined && unpaid.length === 0) {
        const stopped = goingOn.shift();
        if (!stopped && !(state.begun < trials && hasRoom())) return;
        if (!stopped) state.begun += 1;
        begunHere += 1;
        running += 1;
        await runTrial(stopped?.trial.number ?? state.begun, stopped);
        running -= 1;
      }
    } catch (error) {
      failure ??= error;
      lanes.cancel();
    }
  }

  /** The first of each lane always; after that as many as one run's history should hold. */
  function hasRoom(): boolean {
    if (begunHere < parallel) return true;
    return workflowInfo().historyLength + eventsPerTrial * (running + 1) <= eventsPerRun;
  }

  /** Whether there is a trial to go on with or to begin. While a trial runs it holds money, so that only now can be told what there is. */
  async function goesOn(): Promise<boolean> {
    const [first] = state.unpaid ?? [];
    if (!first) return state.begun < trials;
    const { attempt, key: attemptKey } = first.stopped;
    const asked = { ...key, attempt, key: attemptKey };
    if (await money.isThere(asked)) return true;
    if ((await choose()).kind === 'succeeded') return false;
    return money.wait(asked);
  }

  async function end(): Promise<TrainModelResult> {
    await tellUnpaid();
    const best = await choose();
    if (!state.unpaid?.length || over !== null) return best;
    if (best.kind !== 'succeeded')
      return { ...best, reason: `${best.reason} Nobody did in seven days.` };
    const note = `Money ended the search after ${state.begun} of ${trials} trials, with the best of them.`;
    tell(note);
    return { ...best, note };
  }

  function choose(): Promise<TrainModelResult> {
    return atOnce(
      true,
      () => promptly.chooseTrial(key),
      () => pipeline.chooseTrial.executeWithOptions({ summary: 'Choose the best trial' }, [key]),
    );
  }

  async function runTrial(number: number, before?: UnpaidTrial): Promise<void> {
    tell(before ? `Trial ${number} goes on` : `Trial ${number} of ${trials}`);
    const asked = { ...key, number };
    const summary = `Suggest the parameters of trial ${number}`;
    const trial =
      before?.trial ?? (await compute.askTrial.executeWithOptions({ summary }, [asked]));
    const trained = await trainTrial(trial, before?.stopped);
    if (trained.stopped && patched('search-awaits-budget')) {
      unpaid.push({ trial, trained, stopped: trained.stopped });
      return tell(`Trial ${number}: ${trained.kind === 'succeeded' ? '' : trained.reason}`);
    }
    const told = await record(number, trained);
    tell(`Trial ${number} ${told.state}${told.value === null ? '' : `: ${told.value}`}`);
    if (told.over === null || over !== null) return;
    over = told.over.reason;
    tell(`No further trial is begun. ${over}`);
    if (told.over.stopOthers) lanes.cancel();
  }

  /** What became of the trials that money stopped, once that is their end. */
  async function tellUnpaid(instead?: TrainModelResult): Promise<void> {
    for (const { trial, trained } of state.unpaid ?? [])
      await record(trial.number, instead ?? trained);
  }

  function record(number: number, trained: TrainModelResult): Promise<ToldTrial> {
    const telling = { ...key, number, trained };
    const summary = `Record trial ${number}`;
    return atOnce(
      true,
      () => promptly.tellTrial(telling),
      () => pipeline.tellTrial.executeWithOptions({ summary }, [telling]),
    );
  }

  /** A trial whose workflow a person cancelled or terminated is a trial that failed; the search's own cancellation passes. */
  async function trainTrial(
    trial: AskedTrial,
    stopped?: StoppedAttempts,
  ): Promise<TrainModelResult> {
    const { carried: _, ...given } = input;
    try {
      return await executeChild<typeof trainModel>('trainModel', {
        workflowId: workflowId.trial(model, delivery, trial.number),
        workflowIdReusePolicy: stopped ? 'ALLOW_DUPLICATE' : 'REJECT_DUPLICATE',
        parentClosePolicy: 'REQUEST_CANCEL',
        cancellationType: 'WAIT_CANCELLATION_COMPLETED',
        staticSummary: `Trial ${trial.number} of ${model}, delivery ${delivery}`,
        typedSearchAttributes: [{ key: attributes.model, value: model }],
        args: [{ ...given, trial, ...(stopped && { goesOn: stopped }) }],
      });
    } catch (error) {
      if (CancellationScope.current().consideredCancelled) {
        await CancellationScope.nonCancellable(() => record(trial.number, withSearch));
        throw error;
      }
      const reason = `Its workflow ended early: ${sentenceOf(error)}`;
      return { kind: 'failed', code: 1, reason, attempt: 0 };
    }
  }

  function tell(line?: string): void {
    if (line !== undefined) state.story = [...state.story, line].slice(-storyLines);
    setCurrentDetails(renderSearch(key, state, workflowInfo().namespace));
  }
}

const withSearch: TrainModelResult = {
  kind: 'failed',
  code: 143,
  reason: 'It was stopped with its search.',
  attempt: 0,
};

/** A child's failure itself only says that there was one. */
function sentenceOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message : error.message;
}
