import { workflowId } from '../../contracts/messages.js';
import type { AwaitedApproval, DeliveryState } from '../../contracts/states.js';
import { offer, perennialLine, signalLine, updateLine } from '../command-lines.js';

/** The delivery in Markdown, as operators read it in the Temporal UI: what happened, what is awaited, how to answer. */
export function renderDelivery(state: DeliveryState, namespace: string): string {
  const title =
    state.delivery === null ? state.model : `${state.model}, delivery ${state.delivery}`;
  return [
    `## ${title}`,
    state.outcome === null
      ? `Stage **${state.stage}**. Trigger: ${state.trigger}, asked for by ${state.requestedBy}.`
      : `Ended: **${state.outcome}**. ${state.explanation}`,
    ...awaited(state, namespace),
    '',
    '### What happened',
    ...state.story.map((line) => `- ${line}`),
    ...(state.refusedMessages > 0
      ? [`\n${state.refusedMessages} signals made no sense here and changed nothing.`]
      : []),
  ].join('\n');
}

function awaited({ model, approval, waits, outcome }: DeliveryState, namespace: string): string[] {
  if (outcome !== null) return [];
  if (waits) return [`\n${waits}`];
  if (approval?.standing !== 'open') return [];
  return [
    '### A decision is awaited',
    `Version ${approval.version}: ${approval.summary}`,
    '',
    `- from: role **approver** (${approval.approvers.length > 0 ? approval.approvers.join(', ') : 'any principal'})`,
    `- votes: ${approval.approvals} of ${approval.quorum}`,
    `- until: ${approval.expiresAt}`,
    `- evidence: \`${approval.evidence}\``,
    '',
    'Answer with one line of these; YOU is your id, WHY your reason.',
    ...linesFor('approve', model, approval, namespace),
    ...linesFor('reject', model, approval, namespace),
  ];
}

function linesFor(
  vote: 'approve' | 'reject',
  model: string,
  { evidence }: AwaitedApproval,
  namespace: string,
): string[] {
  const door = { namespace, workflowId: workflowId.deliver(model), name: 'decide' };
  const decision = { vote, by: 'YOU', reason: 'WHY', evidence };
  return offer(vote, [
    perennialLine(vote, model, `--evidence ${evidence} --as YOU --reason 'WHY'`),
    updateLine(door, decision),
    signalLine(door, decision),
  ]);
}
