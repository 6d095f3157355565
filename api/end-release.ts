import { PerennialError } from '../contracts/errors.js';
import { queries, workflowId } from '../contracts/messages.js';
import type { ReleasePlanAnswer } from '../contracts/states.js';
import { callUpdate, isRunning, patiently, resultWithin, type Engine } from './workflow-calls.js';

/** What the release of a model that is under way was asked for; null where none is. */
export async function findReleaseUnderWay(
  engine: Engine,
  model: string,
): Promise<ReleasePlanAnswer | null> {
  const id = workflowId.release(model);
  if (!(await isRunning(engine, id))) return null;
  return patiently(engine, (client) =>
    client.workflow.getHandle(id).query<ReleasePlanAnswer>(queries.plan),
  );
}

/** Aborts the release under way and waits for its end, for as long as a caller may. A second run finds it ended, as does one that comes late. */
export async function endRelease(
  engine: Engine,
  model: string,
  { by, reason }: { by: string; reason: string },
): Promise<void> {
  const id = workflowId.release(model);
  try {
    const abort = { name: 'abort', argument: { by, reason }, updateId: undefined };
    const message = `No release of '${model}' is under way.`;
    await callUpdate(engine, id, abort, { code: 'RELEASE_NOT_FOUND', message });
  } catch (error) {
    if (!cameLate(error)) throw error;
  }
  await resultWithin(engine, engine.client.workflow.getHandle(id), engine.patience);
}

function cameLate(error: unknown): boolean {
  if (!(error instanceof PerennialError)) return false;
  return error.code === 'RELEASE_NOT_FOUND' || error.code === 'RELEASE_STATE';
}
