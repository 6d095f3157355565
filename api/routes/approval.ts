import { createRoute } from '@hono/zod-openapi';
import { z } from 'zod';
import { admission, approvalView, decision } from '../../contracts/approval.js';
import { isErrorCode, PerennialError } from '../../contracts/errors.js';
import { workflowId } from '../../contracts/messages.js';
import { listOpenApprovals } from '../../db/delivery-view.js';
import { findModel } from '../../db/overview.js';
import { answers, body, createRouter, idempotency, ofModel } from '../answers.js';
import type { ApiDependencies } from '../dependencies.js';
import { callUpdate } from '../workflow-calls.js';

const inbox = createRoute({
  method: 'get',
  path: '/approvals',
  summary: 'Everything that waits for a vote, the oldest first',
  responses: answers(z.strictObject({ approvals: z.array(approvalView) }), 'Open approvals'),
});

const decide = createRoute({
  method: 'post',
  path: '/models/{model}/decision',
  summary: 'Approve or reject the evidence of the running delivery, or cancel the delivery',
  request: { params: ofModel, headers: idempotency, body: body(decision) },
  responses: answers(admission, 'The vote was admitted; where the approval stands now'),
});

/** The inbox and the votes. */
export function createApprovalRoutes({ db, engine }: ApiDependencies) {
  return createRouter()
    .openapi(inbox, async (context) =>
      context.json({ approvals: await listOpenApprovals(db) }, 200),
    )
    .openapi(decide, async (context) => {
      const { model } = context.req.valid('param');
      await findModel(db, model);
      const answer = admission.parse(
        await callUpdate(
          engine,
          workflowId.deliver(model),
          {
            name: 'decide',
            argument: context.req.valid('json'),
            updateId: context.req.valid('header')['idempotency-key'],
          },
          {
            code: 'APPROVAL_NOT_OPEN',
            message: `No delivery of '${model}' is running: nothing waits for a decision.`,
          },
        ),
      );
      if (!answer.admitted)
        throw new PerennialError(
          isErrorCode(answer.code) ? answer.code : 'APPROVAL_NOT_OPEN',
          answer.reason,
        );
      return context.json(answer, 200);
    });
}
