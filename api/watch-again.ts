import { workflowId } from '../contracts/messages.js';
import { lastCheckNumber, modelIsServed } from '../db/janitor.js';
import type { ApiDependencies } from './dependencies.js';
import { resultWithin, startWorkflow } from './workflow-calls.js';

/**
 * Has a model that came back into service watched again, where it has a champion. Its retired monitor may still be ending: that is waited for.
 * Where Temporal is away the model serves unwatched, as the log says, until the end of its next delivery. A second run finds the monitor.
 */
export async function watchAgain(
  { db, engine, log }: Pick<ApiDependencies, 'db' | 'engine' | 'log'>,
  model: string,
): Promise<void> {
  if (!(await modelIsServed(db, model))) return;
  const id = workflowId.monitor(model);
  const input = { model, checksBefore: await lastCheckNumber(db, model) };
  const start = () =>
    startWorkflow(engine, 'monitorModel', { id, input, summary: `Watch ${model}` });
  try {
    if (await start()) return;
    await resultWithin(engine, engine.client.workflow.getHandle(id), engine.patience);
    await start();
  } catch (error) {
    log.warn('A model is served unwatched', { model, error });
  }
}
