/** What a delivery knows, and how it changes. Pure: no call to the engine, so that it can be tested without one. */
import type { Admission, Decision } from '../../contracts/approval.js';
import type { DeliverModelInput } from '../../contracts/delivery.js';
import type { DeliveryPlan, Registered } from '../../contracts/stages.js';
import type { DeliveryState } from '../../contracts/states.js';

export function openState(input: DeliverModelInput): DeliveryState {
  return {
    model: input.model,
    delivery: null,
    trigger: input.trigger ?? 'manual',
    requestedBy: input.requestedBy,
    window: input.window ?? null,
    stage: 'open',
    story: [],
    approval: null,
    version: null,
    outcome: null,
    explanation: '',
    refusedMessages: 0,
  };
}

/** The approval that `registered` opened, as from `now`. */
export function openApproval(
  registered: Registered,
  plan: DeliveryPlan,
  now: number,
): NonNullable<DeliveryState['approval']> {
  return {
    version: registered.version,
    evidence: registered.evidence,
    standing: registered.automatic.approved ? 'approved' : 'open',
    approvals: 0,
    quorum: plan.approval.quorum,
    approvers: plan.approval.approvers,
    openedAt: new Date(now).toISOString(),
    expiresAt: new Date(now + plan.approval.expireAfter).toISOString(),
    summary: registered.summary,
  };
}

/** The delivery after the answer to one decision. A refused decision changes the story only; a closed approval stays closed. */
export function applyAdmission(
  state: DeliveryState,
  decision: Decision,
  admission: Admission,
): DeliveryState {
  const line = admission.admitted
    ? `${decision.by} voted ${decision.vote}${decision.reason ? `: ${decision.reason}` : ''}`
    : `${decision.vote} of ${decision.by} was refused: ${admission.reason}`;
  const story = [...state.story, line];
  const { standing } = admission;
  const open = state.approval?.standing === 'open';
  if (!admission.admitted || !open || !state.approval || standing === 'cancelled')
    return { ...state, story };
  return {
    ...state,
    story,
    approval: { ...state.approval, standing, approvals: admission.approvals },
  };
}

/** Why `decision` is not possible now, or null. Whether it is also allowed is the admission's business. */
export function impossible(state: DeliveryState, decision: Decision): string | null {
  if (state.outcome !== null) return `The delivery has ended: ${state.outcome}.`;
  if (decision.vote === 'cancel') return null;
  // The database opens an approval a moment before we hear of it.
  if (isBeingOpened(state)) return 'The approval is being opened: send it once more.';
  if (state.approval === null)
    return `Nothing waits for a vote yet: the delivery is in stage ${state.stage}.`;
  if (state.approval.standing !== 'open') return `The approval is ${state.approval.standing}.`;
  return null;
}

/** The version is being registered: whoever has its evidence already knows more than the workflow does. */
export function isBeingOpened({ stage, approval }: DeliveryState): boolean {
  return stage === 'register' && approval === null;
}

/** Why the digest is not the one that waits for a vote, or null. */
export function foreignEvidence(state: DeliveryState, decision: Decision): string | null {
  if (decision.vote === 'cancel' || !state.approval) return null;
  if (decision.evidence === undefined)
    return `A vote names the evidence it is about; what waits is ${state.approval.evidence}.`;
  if (decision.evidence !== state.approval.evidence)
    return `The vote is about evidence ${decision.evidence}; what waits is ${state.approval.evidence}.`;
  return null;
}

export interface Deadline {
  kind: 'reminder' | 'escalation' | 'expired';
  at: number;
}

/** When an open approval speaks up again, in order of time; nothing after it has expired. */
export function approvalDeadlines(policy: DeliveryPlan['approval'], openedAt: number): Deadline[] {
  const expired = openedAt + policy.expireAfter;
  const before: Deadline[] = [
    { kind: 'reminder', at: openedAt + policy.remindAfter },
    { kind: 'escalation', at: openedAt + policy.escalateAfter },
  ];
  return [
    ...before.filter(({ at }) => at < expired).toSorted((a, b) => a.at - b.at),
    { kind: 'expired', at: expired },
  ];
}
