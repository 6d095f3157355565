import { defineSearchAttributeKey, type SearchAttributeUpdatePair } from '@temporalio/common';

/** Typed keys of contracts/messages `searchAttributes`, in the form that upserts and starts take. */
export const attributes = {
  model: defineSearchAttributeKey('MlModel', 'KEYWORD'),
  team: defineSearchAttributeKey('MlTeam', 'KEYWORD'),
  stage: defineSearchAttributeKey('MlStage', 'KEYWORD'),
  outcome: defineSearchAttributeKey('MlOutcome', 'KEYWORD'),
  trigger: defineSearchAttributeKey('MlTrigger', 'KEYWORD'),
  version: defineSearchAttributeKey('MlVersion', 'KEYWORD'),
  awaitingRole: defineSearchAttributeKey('MlAwaitingRole', 'KEYWORD'),
  awaitingApproval: defineSearchAttributeKey('MlAwaitingApproval', 'BOOL'),
  driftScore: defineSearchAttributeKey('MlDriftScore', 'DOUBLE'),
} as const;

/** Takes a workflow out of the inbox. */
export const nobodyAwaited: SearchAttributeUpdatePair[] = [
  { key: attributes.awaitingApproval, value: false },
  { key: attributes.awaitingRole, value: null },
];

export function ended(outcome: string): SearchAttributeUpdatePair[] {
  return [
    { key: attributes.stage, value: 'done' },
    { key: attributes.outcome, value: outcome },
    ...nobodyAwaited,
  ];
}
