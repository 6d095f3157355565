import { defineQuery, patched, setHandler } from '@temporalio/workflow';
import { queries } from '../../contracts/messages.js';
import type { TrainModelInput, TrainModelResult } from '../../contracts/stages.js';
import type { TrainingOutcome } from '../../contracts/training.js';
import { atOnce } from '../at-once.js';
import { createMoneyWait, type AwaitedMoney } from './await-money.js';
import { createBoard } from '../board.js';
import { renderMoney } from './money-details.js';
import { pipeline, promptly, training } from '../offers.js';
import { tellingPlacement } from './placement.js';

interface TrainingState {
  attempt: number;
  story: string[];
  /** What it waits for before it can begin, where it asks for GPUs; null while it waits for nothing. */
  waits: string | null;
  /** What a person is asked to pay for; null while nobody is. */
  money: AwaitedMoney | null;
  refusedMessages: number;
}

/**
 * Trains one delivery's model by attempts of our own count: each has a row and a job of its own name, so that a repeated activity
 * adopts the running job and only a job that ended is tried anew. A trainer that fails is an answer, not an error; one that only
 * money stopped is a question to people.
 */
export async function trainModel(input: TrainModelInput): Promise<TrainModelResult> {
  const { model, delivery, specDigest, channels, plan, trial } = input;
  const opening: TrainingState = {
    attempt: 0,
    story: [],
    waits: null,
    money: null,
    refusedMessages: 0,
  };
  const board = createBoard(opening, (state, namespace) => renderTraining(input, state, namespace));
  setHandler(defineQuery<TrainingState>(queries.state), () => board.state);
  setHandler(defineQuery<TrainModelInput['plan']>(queries.plan), () => plan);
  const money = createMoneyWait({
    prompt: input.atOnce === true,
    show: (awaited, line) => board.change({ money: awaited }, line),
    onRefused: () => board.change({ refusedMessages: board.state.refusedMessages + 1 }),
  });
  try {
    return await makeAttempts();
  } finally {
    await money.finish();
  }

  async function makeAttempts(): Promise<TrainModelResult> {
    // Attempts that ended for no fault of the training's, and so do not count.
    let uncounted = input.goesOn?.uncounted ?? 0;
    for (let attempt = (input.goesOn?.attempt ?? 0) + 1; ; attempt += 1) {
      board.change({ attempt }, `Attempt ${attempt} of ${plan.maximumAttempts + uncounted}`);
      const summary = `Training attempt ${attempt}`;
      const asked = { model, delivery, specDigest, attempt, ...(trial && { trial }) };
      const opened = await atOnce(
        input.atOnce === true,
        () => promptly.openTrainingAttempt(asked),
        () => pipeline.openTrainingAttempt.executeWithOptions({ summary }, [asked]),
      );
      const supervise = () =>
        training(plan).superviseTraining.executeWithOptions({ summary }, [
          { ...opened, specDigest, channels, ...(trial && { trial }) },
        ]);
      const outcome = await (plan.gpuClass === undefined
        ? supervise()
        : tellingPlacement(
            () => promptly.lookAtPlacement({ key: opened.key }),
            (waits) => board.change({ waits }),
            supervise,
          ));
      if (outcome.kind === 'succeeded') return { ...outcome, attempt };
      board.change({}, endOf(outcome));
      // Of a trial it is the search's question whether anybody is asked to pay.
      if (trial && outcome.error === 'BUDGET_EXCEEDED')
        return { ...outcome, attempt, stopped: { ...opened, uncounted: uncounted + 1 } };
      const unpaid = outcome.error === 'BUDGET_EXCEEDED' && patched('await-budget');
      if (unpaid && !(await money.wait({ ...opened, specDigest })))
        return { ...outcome, reason: `${outcome.reason} ${nobodyPaid}`, attempt };
      if (outcome.kind === 'failed' && !unpaid) return { ...outcome, attempt };
      if (unpaid || (outcome.kind === 'retry' && outcome.preempted)) uncounted += 1;
      const counted = attempt - uncounted;
      if (counted >= plan.maximumAttempts) {
        const reason = `All ${counted} attempts failed; the last one: ${outcome.reason}`;
        return { kind: 'failed', code: outcome.code, reason, attempt };
      }
    }
  }
}

const nobodyPaid =
  'Nobody did in seven days; once there is money, the next delivery goes on from its checkpoint.';

function endOf(outcome: Exclude<TrainingOutcome, { kind: 'succeeded' }>): string {
  if (outcome.kind === 'retry' && outcome.preempted) return outcome.reason;
  return `Exit code ${outcome.code}: ${outcome.reason}`;
}

function renderTraining(
  input: TrainModelInput,
  { story, waits, money }: TrainingState,
  namespace: string,
): string {
  const { model, delivery } = input;
  return [
    `## Training of ${model}, delivery ${delivery}`,
    ...(money ? renderMoney(input, money, namespace) : []),
    ...story.map((line) => `- ${line}`),
    ...(waits === null ? [] : [`- Waits: ${waits}`]),
    '',
    'What the trainer says:',
    '```',
    `perennial logs ${model}`,
    '```',
  ].join('\n');
}
