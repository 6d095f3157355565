import { createRoute } from '@hono/zod-openapi';
import { z } from 'zod';
import { auditView } from '../../contracts/overview.js';
import { firstBrokenAuditEntry } from '../../db/audit.js';
import { listAudit } from '../../db/overview.js';
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
      limit: limit(1_000, 100),
    }),
  },
  responses: answers(z.strictObject({ entries: z.array(auditView) }), 'Entries after `after`'),
});

const verify = createRoute({
  method: 'get',
  path: '/audit/verification',
  summary: 'Recompute the whole chain',
  responses: answers(
    z.strictObject({ ok: z.boolean(), firstBroken: z.int().positive().nullable() }),
    'The first entry that does not fit, if any',
  ),
});

/** The audit chain, to read and to verify. */
export function createAuditRoutes({ db }: ApiDependencies) {
  return createRouter()
    .openapi(list, async (context) =>
      context.json({ entries: await listAudit(db, context.req.valid('query')) }, 200),
    )
    .openapi(verify, async (context) => {
      const firstBroken = await firstBrokenAuditEntry(db);
      return context.json({ ok: firstBroken === null, firstBroken }, 200);
    });
}
