import { defineQuery, setCurrentDetails, setHandler } from '@temporalio/workflow';
import { queries } from '../contracts/messages.js';
import type { TrainModelInput, TrainModelResult } from '../contracts/stages.js';
import { atOnce } from './at-once.js';
import { pipeline, promptly, training } from './offers.js';

interface TrainingState {
  attempt: number;
  story: string[];
}

/**
 * Trains one delivery's model by attempts of our own count: each has a row and a job of its own name, so that a repeated activity
 * adopts the running job and only a job that ended is tried anew. A trainer that fails is an answer, not an error.
 */
export async function trainModel(input: TrainModelInput): Promise<TrainModelResult> {
  const { model, delivery, specDigest, channels, plan } = input;
  let state: TrainingState = { attempt: 0, story: [] };
  setHandler(defineQuery<TrainingState>(queries.state), () => state);
  setHandler(defineQuery<TrainModelInput['plan']>(queries.plan), () => plan);
  const tell = (attempt: number, line: string) => {
    state = { attempt, story: [...state.story, line] };
    setCurrentDetails(renderTraining(input, state));
  };

  for (let attempt = 1; ; attempt += 1) {
    tell(attempt, `Attempt ${attempt} of ${plan.maximumAttempts}`);
    const summary = `Training attempt ${attempt}`;
    const asked = { model, delivery, specDigest, attempt };
    const opened = await atOnce(
      input.atOnce === true,
      () => promptly.openTrainingAttempt(asked),
      () => pipeline.openTrainingAttempt.executeWithOptions({ summary }, [asked]),
    );
    const outcome = await training(plan).superviseTraining.executeWithOptions({ summary }, [
      { ...opened, specDigest, channels },
    ]);
    if (outcome.kind === 'succeeded') return { ...outcome, attempt };
    tell(attempt, `Exit code ${outcome.code}: ${outcome.reason}`);
    if (outcome.kind === 'failed') return { ...outcome, attempt };
    if (attempt >= plan.maximumAttempts) {
      const reason = `All ${attempt} attempts failed; the last one: ${outcome.reason}`;
      return { kind: 'failed', code: outcome.code, reason, attempt };
    }
  }
}

function renderTraining({ model, delivery }: TrainModelInput, { story }: TrainingState): string {
  return [
    `## Training of ${model}, delivery ${delivery}`,
    ...story.map((line) => `- ${line}`),
    '',
    'What the trainer says:',
    '```',
    `perennial logs ${model}`,
    '```',
  ].join('\n');
}
