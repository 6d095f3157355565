import {
  CancellationScope,
  continueAsNew,
  defineQuery,
  executeChild,
  setCurrentDetails,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import { queries, workflowId } from '../contracts/messages.js';
import type { ToldTrial, TrainModelInput, TrainModelResult } from '../contracts/stages.js';
import { atOnce } from './at-once.js';
import { compute, pipeline, promptly } from './offers.js';
import { attributes } from './search-attributes.js';
import type { trainModel } from './train-model.js';

/** What a search takes along when it continues as new, which it does only while no trial runs. */
interface SearchState {
  begun: number;
  story: string[];
}

/** Events that one trial adds, and after how many of them a run begins no further trial: it ends within a hundred. */
const eventsPerTrial = 18;
const eventsPerRun = 92;
/** Of a long search the newest; the table of trials has them all. */
const storyLines = 40;

/**
 * Trains one delivery's model several times, each trial by parameters that are suggested from those before, so many at a time as the plan
 * says. Ends as `trainModel` does: with the best trial's model, or a reason why there is none. A trial that fails does not end the search;
 * money that is spent does, with what there is.
 */
export async function searchModel(
  input: TrainModelInput & { carried?: SearchState },
): Promise<TrainModelResult> {
  const { model, delivery, specDigest, plan, carried } = input;
  const { trials = 1, parallel = 1 } = plan.search ?? {};
  const key = { model, delivery, specDigest };
  const state: SearchState = carried ?? { begun: 0, story: [] };
  const before = state.begun;
  const lanes = new CancellationScope();
  let running = 0;
  let over: string | null = null;
  setHandler(defineQuery<SearchState>(queries.state), () => state);
  setHandler(defineQuery<TrainModelInput['plan']>(queries.plan), () => plan);

  let failure: unknown;
  await lanes.run(() => Promise.all(Array.from({ length: parallel }, goThroughTrials)));
  // A search that is over has itself cancelled what still ran.
  if (failure !== undefined && over === null) throw failure;
  if (over === null && state.begun < trials)
    return continueAsNew<typeof searchModel>({ ...input, carried: state });
  return atOnce(
    true,
    () => promptly.chooseTrial(key),
    () => pipeline.chooseTrial.executeWithOptions({ summary: 'Choose the best trial' }, [key]),
  );

  /** Never rejects: the search waits until each trainer has been stopped. */
  async function goThroughTrials(): Promise<void> {
    try {
      while (over === null && failure === undefined && state.begun < trials && hasRoom()) {
        state.begun += 1;
        running += 1;
        await runTrial(state.begun);
        running -= 1;
      }
    } catch (error) {
      failure ??= error;
      lanes.cancel();
    }
  }

  /** The first of each lane always; after that as many as one run's history should hold. */
  function hasRoom(): boolean {
    if (state.begun - before < parallel) return true;
    return workflowInfo().historyLength + eventsPerTrial * (running + 1) <= eventsPerRun;
  }

  async function runTrial(number: number): Promise<void> {
    tell(`Trial ${number} of ${trials}`);
    const asked = { ...key, number };
    const summary = `Suggest the parameters of trial ${number}`;
    const trial = await compute.askTrial.executeWithOptions({ summary }, [asked]);
    const told = await record(number, await trainTrial(trial));
    tell(`Trial ${number} ${told.state}${told.value === null ? '' : `: ${told.value}`}`);
    if (told.over === null || over !== null) return;
    over = told.over.reason;
    tell(`No further trial is begun. ${over}`);
    if (told.over.stopOthers) lanes.cancel();
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
    trial: NonNullable<TrainModelInput['trial']>,
  ): Promise<TrainModelResult> {
    const { carried: _, ...given } = input;
    try {
      return await executeChild<typeof trainModel>('trainModel', {
        workflowId: workflowId.trial(model, delivery, trial.number),
        workflowIdReusePolicy: 'REJECT_DUPLICATE',
        parentClosePolicy: 'REQUEST_CANCEL',
        cancellationType: 'WAIT_CANCELLATION_COMPLETED',
        staticSummary: `Trial ${trial.number} of ${model}, delivery ${delivery}`,
        typedSearchAttributes: [{ key: attributes.model, value: model }],
        args: [{ ...given, trial }],
      });
    } catch (error) {
      if (CancellationScope.current().consideredCancelled) {
        const stopped = {
          kind: 'failed',
          code: 143,
          reason: 'It was stopped with its search.',
        } as const;
        await CancellationScope.nonCancellable(() =>
          record(trial.number, { ...stopped, attempt: 0 }),
        );
        throw error;
      }
      const reason = `Its workflow ended early: ${sentenceOf(error)}`;
      return { kind: 'failed', code: 1, reason, attempt: 0 };
    }
  }

  function tell(line: string): void {
    state.story = [...state.story, line].slice(-storyLines);
    const lines = state.story.map((each) => `- ${each}`);
    setCurrentDetails(
      [
        `## Search for ${model}, delivery ${delivery}`,
        ...lines,
        '',
        '```',
        `perennial trials ${model} ${delivery}`,
        '```',
      ].join('\n'),
    );
  }
}

/** A child's failure itself only says that there was one. */
function sentenceOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message : error.message;
}
