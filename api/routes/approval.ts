import { createRoute } from '@hono/zod-openapi';
import { z } from 'zod';
import { admission, approvalView, decision } from '../../contracts/approval.js';
import { listOpenApprovals } from '../../db/delivery/approval-view.js';
import { findModel } from '../../db/model/overview.js';
import { answers, body, createRouter, idempotency, ofModel } from '../answers.js';
import type { ApiDependencies } from '../dependencies.js';
import { decide as decideOn } from '../decide.js';

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
      const answer = await decideOn(
        { db, engine },
        {
          model,
          decision: context.req.valid('json'),
          updateId: context.req.valid('header')['idempotency-key'],
        },
      );
      return context.json(answer, 200);
    });
}
