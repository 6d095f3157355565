import type { ChangedBudget } from '../contracts/budget.js';
import { workflowId } from '../contracts/messages.js';
import type { Changed } from '../db/money/budget-limits.js';
import { listAwaitedMoney } from '../db/money/money-wait.js';
import type { ApiDependencies } from './dependencies.js';
import { sendSignal } from './workflow-calls.js';

/**
 * Has the trainings that wait for a budget look again where it now has room for them, and tells which those are. One that cannot be told, a
 * Temporal server away say, looks by itself within the hour; telling it twice makes it look twice.
 */
export async function wakeWaiting(
  { db, engine, log }: ApiDependencies,
  { before, after }: Changed,
  { by, reason }: { by: string; reason: string },
): Promise<ChangedBudget> {
  const { scope, name } = after;
  const all = await listAwaitedMoney(db, { scope, name });
  const resumed = all.filter(({ missing }) => missing === 0);
  for (const { model, delivery } of resumed)
    try {
      await sendSignal(engine, workflowId.train(model, delivery), 'budgetExtended', { by, reason });
    } catch (error) {
      log.warn('A training that waits for money could not be told', { model, delivery, error });
    }
  return {
    ...after,
    before: before && { period: before.period, soft: before.soft, hard: before.hard },
    resumed: resumed.map(({ model, delivery }) => ({ model, delivery })),
    waiting: all.filter(({ missing }) => missing > 0),
  };
}
