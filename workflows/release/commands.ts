import { allHandlersFinished, CancellationScope, condition } from '@temporalio/workflow';
import type { Decision } from '../../contracts/approval.js';
import { releaseActs, releaseCan, type ReleaseAct } from '../../contracts/release-state.js';
import type { ReleaseAnswer, ReleaseState } from '../../contracts/states.js';
import type { Board } from '../board.js';
import { createDoors } from '../doors.js';
import { commandForm, decisionForm, refusal } from '../message-form.js';

/** A command of a person. The vote is there for `decide` only. */
export interface Command {
  act: ReleaseAct;
  by: string;
  reason: string;
  vote?: Decision['vote'];
}

interface Waiting {
  command: Command;
  answer: (answer: ReleaseAnswer) => void;
}

export interface Commands {
  arrived: () => boolean;
  /** Takes the oldest command that is still possible; whoever sent it is answered by the next `settle`. */
  take(): Command | null;
  /** Answers the command taken last with the state it led to. */
  settle(): void;
  idle: () => boolean;
  signals: () => number;
  finish(): Promise<void>;
}

/** Opens the doors of a release. Handlers only enqueue; what a command does is decided where the release stands. */
export function takeCommands(board: Board<ReleaseState>, signalsBefore = 0): Commands {
  const inbox: Waiting[] = [];
  let taken: Waiting | null = null;

  const doors = createDoors(
    () => board.change({ refusedMessages: board.state.refusedMessages + 1 }),
    signalsBefore,
  );
  for (const act of releaseActs) {
    doors.open<Omit<Command, 'act'>, ReleaseAnswer>({
      name: act,
      description: descriptions[act],
      form: act === 'decide' ? voteForm : actForm,
      possible: () => {
        const can = releaseCan(act, board.state.status);
        if (!can.ok) throw refusal('RELEASE_STATE', can.reason);
      },
      take: (command) =>
        new Promise((answer) => inbox.push({ command: { act, ...command }, answer })),
    });
  }

  function answerWith(waiting: Waiting): void {
    const { status, reason } = board.state;
    waiting.answer({ status, reason });
  }

  return {
    arrived: () => inbox.length > 0,
    take() {
      for (;;) {
        const waiting = inbox.shift();
        if (!waiting) return null;
        // Between its arrival and now another command may have changed the state.
        if (releaseCan(waiting.command.act, board.state.status).ok) {
          taken = waiting;
          return waiting.command;
        }
        answerWith(waiting);
      }
    },
    settle() {
      if (taken) answerWith(taken);
      taken = null;
    },
    idle: () => inbox.length === 0 && taken === null && allHandlersFinished(),
    signals: doors.signals,
    async finish() {
      if (taken) answerWith(taken);
      for (const waiting of inbox.splice(0)) answerWith(waiting);
      await CancellationScope.nonCancellable(() => condition(allHandlersFinished));
    },
  };
}

const descriptions: Record<ReleaseAct, string> = {
  promote: 'Give the version all traffic now, in place of the judge.',
  pause: 'Keep the traffic as it is and stop judging.',
  resume: 'Judge again after a pause.',
  abort: 'Give the champion its traffic back and end the release.',
  extend: 'Give the present step another stretch of time.',
  decide: 'Answer an inconclusive step: approve promotes, reject rolls back.',
};

function actForm(message: unknown): Omit<Command, 'act'> {
  const { by, reason = '' } = commandForm(message);
  return { by, reason };
}

function voteForm(message: unknown): Omit<Command, 'act'> {
  const { by, reason = '', vote } = decisionForm(message);
  if (vote === 'cancel')
    throw refusal('INPUT_INVALID', 'A release is ended by abort; decide takes approve or reject.');
  return { by, reason, vote };
}
