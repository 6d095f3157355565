import {
  ApplicationFailure,
  CancellationScope,
  condition,
  ContinueAsNew,
  continueAsNew,
  defineQuery,
  isCancellation,
  setHandler,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import { queries } from '../../contracts/messages.js';
import type { ReleaseModelInput, ReleaseResult } from '../../contracts/stages.js';
import type { ReleasePlanAnswer, ReleaseState } from '../../contracts/states.js';
import { atOnce } from '../at-once.js';
import { createBoard } from '../board.js';
import { codeOf, sentence } from '../failures.js';
import { holdStep, type HeldStep } from './hold-step.js';
import { compute, pipeline, promptly } from '../offers.js';
import { requireReleaseId } from '../own-id.js';
import { takeCommands } from './commands.js';
import { renderRelease } from './details.js';
import { compensate, type Compensation } from '../saga.js';
import { start } from './running.js';
import { attributes, ended } from '../search-attributes.js';

interface Carried {
  state: ReleaseState;
  held: HeldStep;
  undo: Compensation[];
  signals: number;
}

/** `by` is who ended it, where a person did. */
type Outcome = Omit<ReleaseResult, 'version' | 'revision'> & { by?: string };

/**
 * Moves traffic to one version: staging, then canary steps with a judge at each, then promotion in one guarded transaction, or the
 * route is put back. A first version has nobody to be compared with and a rollback has no time: both are promoted at once.
 */
export async function releaseModel(
  input: ReleaseModelInput & { carried?: Carried },
): Promise<ReleaseResult> {
  requireReleaseId(input);
  const { model, delivery, version, champion, carried } = input;
  const key = { model, delivery };
  const board = createBoard({ ...openState(input), ...carried?.state }, renderRelease);
  const undo: Compensation[] = carried?.undo ?? [];
  setHandler(defineQuery<ReleaseState>(queries.state), () => board.state);
  setHandler(defineQuery<ReleasePlanAnswer>(queries.plan), () => {
    const { carried: _, ...plan } = input;
    return plan;
  });
  const commands = takeCommands(board, carried?.signals);

  try {
    const outcome = await release();
    if ('held' in outcome) {
      const { held } = outcome;
      const signals = commands.signals();
      await commands.finish();
      return await continueAsNew<typeof releaseModel>({
        ...input,
        carried: { state: board.state, held, undo, signals },
      });
    }
    end(outcome);
    const closing = { ...key, version, ...outcome };
    await CancellationScope.nonCancellable(() =>
      atOnce(
        input.atOnce === true,
        () => promptly.closeRelease(closing),
        () => pipeline.closeRelease(closing),
      ),
    );
    await commands.finish();
    const { by: _, ...ended } = outcome;
    return { ...ended, version, revision: board.state.revision };
  } catch (error) {
    if (error instanceof ContinueAsNew) throw error;
    const cancelled = isCancellation(error);
    const reason = cancelled ? 'The release was cancelled.' : sentence(error);
    const outcome = cancelled ? 'aborted' : 'rolled-back';
    await compensate(undo, { release: outcome, delivery: 'failed', reason });
    end({ outcome, reason });
    await commands.finish();
    throw cancelled ? error : ApplicationFailure.nonRetryable(reason, codeOf(error));
  }

  async function release(): Promise<Outcome | { held: HeldStep }> {
    if (!carried) await open();
    if (input.immediate) return promote(input.requestedBy, input.immediate.reason);
    if (!carried) {
      const stopped = await stage();
      if (stopped) return stopped;
    }
    if (champion === null)
      return promote(
        input.requestedBy,
        'The first version: there is no champion to compare it with.',
      );

    const first = carried?.held.step ?? 0;
    for (const [step, move] of input.steps.entries()) {
      if (move.kind !== 'canary' || step < first) continue;
      const { share } = move;
      const held = carried?.held.step === step ? carried.held : await take(step, share, champion);
      const ended = await holdStep(input, held, board, commands);
      switch (ended.kind) {
        case 'next':
          continue;
        case 'promote':
          return promote(ended.by, ended.reason);
        case 'renew':
          return { held: ended.held };
        case 'rollback':
        case 'abort': {
          // The traffic first: the judge may take seconds to hear that it is over.
          const reason = await restore(ended.reason);
          ended.stopJudge();
          const outcome = ended.kind === 'abort' ? 'aborted' : 'rolled-back';
          return { outcome, reason, ...(ended.by !== undefined && { by: ended.by }) };
        }
      }
    }
    return promote(input.requestedBy, 'Every canary step was passed.');
  }

  async function open(): Promise<void> {
    undo.push({ kind: 'closeRelease', reference: { ...key, version } });
    const { workflowId: id, runId } = workflowInfo();
    const { carried: _, ...asked } = input;
    const opening = { ...asked, workflowId: id, runId };
    const summary = 'Open the release';
    const { revision } = await atOnce(
      input.atOnce === true,
      () => promptly.openRelease(opening),
      () => pipeline.openRelease.executeWithOptions({ summary }, [opening]),
    );
    board.change({ revision });
    // Whoever asks for records at once has started us with our attributes.
    if (input.atOnce) return;
    upsertSearchAttributes([
      { key: attributes.model, value: model },
      { key: attributes.version, value: String(version) },
      { key: attributes.stage, value: 'staging' },
    ]);
  }

  /** Loads the version beside production and compares its answers; an abort meanwhile ends it. */
  async function stage(): Promise<Outcome | null> {
    const staging = start(() =>
      compute.checkStaging.executeWithOptions(
        { summary: 'Compare serving with the evaluation', cancellationType: 'TRY_CANCEL' },
        [{ ...key, version, specDigest: input.specDigest }],
      ),
    );
    await condition(() => staging.settled() || commands.arrived());
    const command = commands.take();
    if (command) {
      staging.stop();
      const { by, reason } = command;
      return { outcome: 'aborted', reason: `abort by ${by}: ${reason}`, by };
    }
    await condition(() => staging.settled());
    const { ok, reason } = staging.result();
    if (!ok) return { outcome: 'rolled-back', reason: `Staging failed: ${reason}` };
    board.change({}, `Staging: ${reason}`);
    return null;
  }

  async function take(step: number, share: number, against: number): Promise<HeldStep> {
    if (!undo.some(({ kind }) => kind === 'restoreRoute'))
      undo.push({ kind: 'restoreRoute', reference: { ...key, champion, version } });
    const summary = `Step ${step}: ${(share * 100).toFixed(1)} % of the traffic`;
    const { revision } = await pipeline.moveRoute.executeWithOptions({ summary }, [
      { ...key, version, champion: against, share, step, expectedRevision: board.state.revision },
    ]);
    if (board.state.status === 'staging')
      upsertSearchAttributes([{ key: attributes.stage, value: 'canary' }]);
    board.change({ status: 'canary', step, share, revision }, summary);
    return { step, share, revision, champion: against };
  }

  async function promote(by: string, reason: string): Promise<Outcome> {
    // Not to be cancelled half-way: its answer says whether the version is the champion.
    const { revision } = await CancellationScope.nonCancellable(() =>
      pipeline.promoteVersion.executeWithOptions(
        { summary: `Promote v${version}: ${reason}`.slice(0, 190) },
        [{ ...key, version, champion, expectedRevision: board.state.revision, by, reason }],
      ),
    );
    undo.length = 0;
    board.change({ revision, share: 1 });
    return { outcome: 'promoted', reason };
  }

  async function restore(reason: string): Promise<string> {
    const { revision } = await CancellationScope.nonCancellable(() =>
      pipeline.restoreRoute.executeWithOptions(
        { summary: `Restore the route: ${reason}`.slice(0, 190) },
        [{ ...key, champion, version, reason }],
      ),
    );
    board.change({ revision, share: 0 });
    return reason;
  }

  function end({ outcome, reason }: Outcome): void {
    board.change(
      { status: outcome, outcome, reason, question: null, judgedUntil: null },
      `${outcome}: ${reason}`,
    );
    upsertSearchAttributes(ended(outcome));
  }
}

function openState({ model, delivery, version, champion, steps }: ReleaseModelInput): ReleaseState {
  return {
    model,
    delivery,
    version,
    champion,
    status: 'staging',
    step: 0,
    steps: steps.length,
    share: 0,
    revision: 0,
    story: [],
    lastJudgement: null,
    judgedUntil: null,
    question: null,
    outcome: null,
    reason: '',
    steered: 0,
    refusedMessages: 0,
  };
}
