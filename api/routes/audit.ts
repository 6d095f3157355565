import { createRoute } from '@hono/zod-openapi';
import { z } from 'zod';
import { PerennialError } from '../../contracts/errors.js';
import { instant, modelName } from '../../contracts/names.js';
import { auditVerification, auditView } from '../../contracts/overview.js';
import { firstBrokenAuditEntry } from '../../db/audit.js';
import { listAudit } from '../../db/audit-view.js';
import { answers, createRouter, limit } from '../answers.js';
import type { ApiDependencies } from '../dependencies.js';

const list = createRoute({
  method: 'get',
  path: '/audit',
  summary: 'What was done by whom, in the order of the chain',
  request: {
    query: z.object({
      after: z.coerce.number().int().nonnegative().default(0),
      /** A model, or anything under it. */
      subject: z.string().max(200).optional(),
      model: modelName.optional(),
      /** Number of one delivery of the model. */
      delivery: z.coerce.number().int().positive().optional(),
      /** Who did it. */
      actor: z.string().max(200).optional(),
      from: instant.optional(),
      limit: limit(1_000, 100),
    }),
  },
  responses: answers(z.strictObject({ entries: z.array(auditView) }), 'Entries after `after`'),
});

const verify = createRoute({
  method: 'get',
  path: '/audit/verification',
  summary: 'Recompute the whole chain',
  responses: answers(auditVerification, 'The first entry that does not fit, if any'),
});

/** The audit chain, to read and to verify. */
export function createAuditRoutes({ db }: ApiDependencies) {
  return createRouter()
    .openapi(list, async (context) => {
      const query = context.req.valid('query');
      if (query.delivery !== undefined && query.model === undefined)
        throw new PerennialError('INPUT_INVALID', 'query: delivery needs a model beside it.');
      return context.json({ entries: await listAudit(db, query) }, 200);
    })
    .openapi(verify, async (context) => {
      const firstBroken = await firstBrokenAuditEntry(db);
      return context.json({ ok: firstBroken === null, firstBroken }, 200);
    });
}
