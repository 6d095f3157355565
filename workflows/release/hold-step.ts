import { condition, patched, upsertSearchAttributes } from '@temporalio/workflow';
import type { Judgement } from '../../contracts/release.js';
import type { JudgeStepResult, ReleaseModelInput } from '../../contracts/stages.js';
import type { ReleaseState } from '../../contracts/states.js';
import { historyIsLong, type Board } from '../board.js';
import { judge, pipeline } from '../offers.js';
import type { Command, Commands } from './commands.js';
import { start, type Running } from './running.js';
import { attributes, nobodyAwaited } from '../search-attributes.js';
import {
  beginStretch,
  extendStretch,
  pauseStretch,
  resumeStretch,
  type Stretch,
} from './stretch.js';

/** What a step led to. `renew` means: the history is long, go on with this step in a new run. */
export type StepEnd =
  | { kind: 'next' }
  | { kind: 'promote'; by: string; reason: string }
  /** `by`: who ended it; left out where the judge did. */
  | { kind: 'rollback' | 'abort'; by?: string; reason: string; stopJudge: () => void }
  | { kind: 'renew'; held: HeldStep };

export interface HeldStep {
  step: number;
  share: number;
  revision: number;
  champion: number;
  /** Of a step that an earlier run has held already. */
  stretch?: Stretch;
}

/** Holds one canary step until its judge or a person has decided. The judge is one activity: pausing ends it, resuming starts another. */
export async function holdStep(
  input: ReleaseModelInput,
  held: HeldStep,
  board: Board<ReleaseState>,
  commands: Commands,
): Promise<StepEnd> {
  let judging: Running<JudgeStepResult> | null = null;
  let stretch = held.stretch ?? beginStretch(Date.now(), input.maximumTime);
  for (;;) {
    if (judging === null && historyIsLong() && commands.idle())
      return { kind: 'renew', held: { ...held, stretch } };
    if (board.state.status === 'canary' && judging === null) {
      judging = startJudge(input, held, { stretch, steered: board.state.steered });
      board.change({ judgedUntil: new Date(stretch.until).toISOString() });
    }
    const watched = judging;
    await condition(() => commands.arrived() || watched?.settled() === true);

    const command = commands.take();
    if (command) {
      const end = obey(command, board, () => watched?.stop());
      if (end) return end;
      watched?.stop();
      judging = null;
      stretch = stretched(stretch, command.act, input.maximumTime);
      await recordCommand(input, command, board.state);
      commands.settle();
    } else if (watched?.settled()) {
      const end = follow(watched.result().judgement, board);
      if (end) return end;
      judging = null;
    }
  }
}

function obey(
  { act, by, reason, vote }: Command,
  board: Board<ReleaseState>,
  stopJudge: () => void,
): StepEnd | null {
  const words = `${act} by ${by}${reason ? `: ${reason}` : ''}`;
  const waited = board.state.status === 'waiting';
  const change = (status: ReleaseState['status']) => {
    const steered = board.state.steered + 1;
    board.change({ status, question: null, judgedUntil: null, reason: words, steered }, words);
    if (waited) upsertSearchAttributes(nobodyAwaited);
  };
  switch (act) {
    case 'pause':
      change('paused');
      return null;
    case 'resume':
      change('canary');
      return null;
    case 'extend':
      change('canary');
      return null;
    case 'abort':
      if (waited) upsertSearchAttributes(nobodyAwaited);
      return { kind: 'abort', by, reason: words, stopJudge };
    case 'promote':
      if (waited) upsertSearchAttributes(nobodyAwaited);
      stopJudge();
      return { kind: 'promote', by, reason: words };
    case 'decide':
      upsertSearchAttributes(nobodyAwaited);
      return vote === 'approve'
        ? { kind: 'promote', by, reason: `approved by ${by}${reason ? `: ${reason}` : ''}` }
        : {
            kind: 'rollback',
            by,
            reason: `rejected by ${by}${reason ? `: ${reason}` : ''}`,
            stopJudge,
          };
  }
}

function stretched(stretch: Stretch, act: Command['act'], length: number): Stretch {
  if (act === 'pause') return pauseStretch(stretch, Date.now());
  if (act === 'extend') return extendStretch(stretch, Date.now(), length);
  return resumeStretch(stretch, Date.now());
}

/** What a person did to the step stands in the record, not in the workflow alone. */
async function recordCommand(
  { model, delivery, version }: ReleaseModelInput,
  { act, by, reason }: Command,
  { status, steered }: ReleaseState,
): Promise<void> {
  // Before this guard nothing was recorded.
  if (!patched('record-commands')) return;
  const summary = `Record: ${act} by ${by}`;
  await pipeline.steerRelease.executeWithOptions({ summary }, [
    { model, delivery, version, act, steered, status, by, reason },
  ]);
}

function follow(judgement: Judgement, board: Board<ReleaseState>): StepEnd | null {
  const { look, verdict, recommendation, reason } = judgement;
  const lastJudgement = { look, verdict, recommendation, reason };
  const line = `Step ${board.state.step}, look ${look}: ${recommendation}. ${reason}`;
  board.change({ lastJudgement }, recommendation === 'wait' ? undefined : line);
  switch (recommendation) {
    case 'promote':
      return { kind: 'next' };
    case 'rollback':
      return { kind: 'rollback', reason, stopJudge: () => {} };
    case 'wait':
      return null;
    case 'ask':
      board.change({ status: 'waiting', question: reason, judgedUntil: null });
      upsertSearchAttributes([
        { key: attributes.awaitingApproval, value: true },
        { key: attributes.awaitingRole, value: 'releaser' },
      ]);
      return null;
  }
}

function startJudge(
  input: ReleaseModelInput,
  held: HeldStep,
  { stretch: { since, until }, steered }: { stretch: Stretch; steered: number },
): Running<JudgeStepResult> {
  const { model, delivery, version, specDigest, every } = input;
  const { step, share, revision, champion } = held;
  const options = {
    summary: `Judge step ${step}: ${(share * 100).toFixed(1)} % of the traffic`,
    // A judge that is no longer wanted only writes looks that nobody asks for: not worth waiting for.
    cancellationType: 'TRY_CANCEL',
  } as const;
  return start(() =>
    judge.judgeStep.executeWithOptions(options, [
      {
        model,
        delivery,
        version,
        champion,
        specDigest,
        step,
        share,
        every,
        sinceRevision: revision,
        since,
        maximumTime: until - since,
        steered,
      },
    ]),
  );
}
