import { allHandlersFinished, CancellationScope, condition, patched } from '@temporalio/workflow';
import type { Admission, Decision } from '../../contracts/approval.js';
import type { DeliveryPlan } from '../../contracts/stages.js';
import type { DeliveryState } from '../../contracts/states.js';
import type { Board } from '../board.js';
import { applyAdmission, foreignEvidence, impossible, isBeingOpened } from './state.js';
import { createDoors } from '../doors.js';
import { codeOf, sentence } from '../failures.js';
import { decisionForm, refusal } from '../message-form.js';
import { pipeline } from '../offers.js';

interface Waiting {
  decision: Decision;
  messageId: string;
  answer: (admission: Admission) => void;
}

export interface Decisions {
  /** Nothing is being admitted and nobody waits for an answer. */
  idle: () => boolean;
  signals: () => number;
  /** Answers whoever still waits and takes nothing more. Call it before the workflow ends, outside of any cancelled scope. */
  finish(): Promise<void>;
}

/**
 * Opens `decide` and admits what comes through it, one message at a time, for as long as the workflow lives: in any stage, and also
 * while it is being cancelled. Handlers only enqueue; this loop alone changes the state.
 */
export function takeDecisions({
  board,
  plan,
  onCancel,
  signalsBefore,
}: {
  board: Board<DeliveryState>;
  plan: () => DeliveryPlan | null;
  onCancel: (decision: Decision) => void;
  signalsBefore: number;
}): Decisions {
  const inbox: Waiting[] = [];
  let admitting = false;
  let finished = false;

  const doors = createDoors(
    () => board.change({ refusedMessages: board.state.refusedMessages + 1 }),
    signalsBefore,
  );
  doors.open<Decision, Admission>({
    name: 'decide',
    description: 'Approve or reject the version that waits, or cancel the delivery.',
    form: decisionForm,
    possible: (decision) => {
      const reason = impossible(board.state, decision);
      if (reason !== null) throw refusal('APPROVAL_NOT_OPEN', reason);
    },
    early: ({ vote }) =>
      // Before this guard an early vote was refused and counted.
      vote !== 'cancel' && isBeingOpened(board.state) && patched('early-votes'),
    promising: (decision) => {
      const reason = foreignEvidence(board.state, decision);
      if (reason !== null) throw refusal('EVIDENCE_MISMATCH', reason);
    },
    take: (decision, messageId) =>
      new Promise((answer) => inbox.push({ decision, messageId, answer })),
  });

  const loop = CancellationScope.nonCancellable(async () => {
    for (;;) {
      await condition(() => finished || (plan() !== null && inbox.some(isDue)));
      const waiting = takeFirst(inbox, isDue);
      if (!waiting) return;
      const { decision, messageId, answer } = waiting;
      admitting = true;
      const admission = finished
        ? notAdmitted(board.state, 'APPROVAL_NOT_OPEN', 'The delivery has ended.')
        : await admit(decision, messageId);
      admitting = false;
      board.change(applyAdmission(board.state, decision, admission));
      answer(admission);
      if (admission.admitted && admission.standing === 'cancelled') onCancel(decision);
    }
  });

  /** An early vote waits for what it is about; a cancellation goes before it. */
  function isDue({ decision }: Waiting): boolean {
    return finished || decision.vote === 'cancel' || !isBeingOpened(board.state);
  }

  async function admit(decision: Decision, messageId: string): Promise<Admission> {
    const { model, delivery } = plan() ?? { model: board.state.model, delivery: 0 };
    try {
      return await pipeline.admitDecision.executeWithOptions(
        { summary: `${decision.vote} of ${decision.by}` },
        [{ model, delivery, decision, messageId }],
      );
    } catch (error) {
      return notAdmitted(board.state, codeOf(error), sentence(error));
    }
  }

  return {
    idle: () => inbox.length === 0 && !admitting && allHandlersFinished(),
    signals: doors.signals,
    async finish() {
      finished = true;
      await loop;
      await CancellationScope.nonCancellable(() => condition(allHandlersFinished));
    },
  };
}

function takeFirst<T>(items: T[], wanted: (item: T) => boolean): T | undefined {
  const index = items.findIndex(wanted);
  return index < 0 ? undefined : items.splice(index, 1)[0];
}

function notAdmitted({ approval }: DeliveryState, code: string, reason: string): Admission {
  const standing = approval && approval.standing !== 'expired' ? approval.standing : 'open';
  return {
    admitted: false,
    code,
    reason,
    standing,
    approvals: approval?.approvals ?? 0,
    quorum: approval?.quorum ?? 1,
  };
}
