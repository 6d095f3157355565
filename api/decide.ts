import { setTimeout as wait } from 'node:timers/promises';
import { admission, type Admission, type Decision } from '../contracts/approval.js';
import { isErrorCode, PerennialError } from '../contracts/errors.js';
import { workflowId } from '../contracts/messages.js';
import type { Database } from '../db/connect.js';
import { findOpenApproval } from '../db/delivery/approval-view.js';
import { callUpdate, type Engine } from './workflow-calls.js';

/** Between two tries, in ms. */
const pause = 250;

/**
 * Hands a decision to the running delivery and answers what was admitted. The database opens an approval a moment before the workflow hears
 * of it, or longer when Temporal was away just then: a vote that comes in between is brought again. Throws what it was refused with.
 */
export async function decide(
  { db, engine }: { db: Database; engine: Engine },
  {
    model,
    decision,
    updateId,
  }: { model: string; decision: Decision; updateId: string | undefined },
): Promise<Admission> {
  const deadline = Date.now() + engine.patience;
  for (;;) {
    try {
      return await bring(engine, { model, decision, updateId });
    } catch (error) {
      if (Date.now() > deadline || !isUnheardOf(error)) throw error;
      const open = await findOpenApproval(db, model);
      if (open === null || open.evidence !== decision.evidence) throw error;
      await wait(pause);
    }
  }
}

function isUnheardOf(error: unknown): boolean {
  return error instanceof PerennialError && error.code === 'APPROVAL_NOT_OPEN';
}

async function bring(
  engine: Engine,
  {
    model,
    decision,
    updateId,
  }: { model: string; decision: Decision; updateId: string | undefined },
): Promise<Admission> {
  const answer = admission.parse(
    await callUpdate(
      engine,
      workflowId.deliver(model),
      { name: 'decide', argument: decision, updateId },
      {
        code: 'APPROVAL_NOT_OPEN',
        message: `No delivery of '${model}' is running: nothing waits for a decision.`,
      },
    ),
  );
  if (answer.admitted) return answer;
  const code = isErrorCode(answer.code) ? answer.code : 'APPROVAL_NOT_OPEN';
  throw new PerennialError(code, answer.reason);
}
