import { asyncLocalStorage } from '@temporalio/activity';

/** What a log line says of the activity that it comes from; nothing outside of activities. */
export function activityFacts(): Record<string, unknown> {
  const info = asyncLocalStorage.getStore()?.info;
  if (!info) return {};
  const { activityType, workflowExecution } = info;
  return { workflowId: workflowExecution?.workflowId, activityType };
}
