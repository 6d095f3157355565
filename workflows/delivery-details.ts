import type { DeliveryState } from '../contracts/states.js';

/** The delivery in Markdown, as operators read it in the Temporal UI: what happened, what is awaited, how to answer. */
export function renderDelivery(state: DeliveryState): string {
  const title =
    state.delivery === null ? state.model : `${state.model}, delivery ${state.delivery}`;
  return [
    `## ${title}`,
    state.outcome === null
      ? `Stage **${state.stage}**. Trigger: ${state.trigger}, asked for by ${state.requestedBy}.`
      : `Ended: **${state.outcome}**. ${state.explanation}`,
    ...awaited(state),
    '### What happened',
    ...state.story.map((line) => `- ${line}`),
    ...(state.refusedMessages > 0
      ? [`\n${state.refusedMessages} signals made no sense here and changed nothing.`]
      : []),
  ].join('\n');
}

function awaited({ model, approval, outcome }: DeliveryState): string[] {
  if (outcome !== null || approval?.standing !== 'open') return [];
  const decision = (vote: string) =>
    JSON.stringify({ vote, by: 'YOU', reason: 'WHY', evidence: approval.evidence });
  return [
    '### A decision is awaited',
    `Version ${approval.version}: ${approval.summary}`,
    '',
    `- from: ${approval.approvers.length > 0 ? approval.approvers.join(', ') : 'any principal'}`,
    `- votes: ${approval.approvals} of ${approval.quorum}`,
    `- until: ${approval.expiresAt}`,
    `- evidence: \`${approval.evidence}\``,
    '',
    'Answer with one of',
    '```',
    `perennial approve ${model} --evidence ${approval.evidence} --reason WHY`,
    `perennial reject ${model} --evidence ${approval.evidence} --reason WHY`,
    `temporal workflow update execute --workflow-id deliver/${model} --name decide --input '${decision('approve')}'`,
    `temporal workflow signal --workflow-id deliver/${model} --name decide --input '${decision('reject')}'`,
    '```',
  ];
}
