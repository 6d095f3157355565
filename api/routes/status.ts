import { createRoute } from '@hono/zod-openapi';
import { status, type Status } from '../../contracts/overview.js';
import { countOverview } from '../../db/model/overview.js';
import { listUnservedClasses } from '../../db/gpu/placement-view.js';
import { answers, createRouter } from '../answers.js';
import type { ApiDependencies } from '../dependencies.js';

const show = createRoute({
  method: 'get',
  path: '/status',
  summary: 'Whether database and Temporal answer, and what is going on',
  responses: answers(status, 'The status, also when a part does not answer'),
});

const nothing = { models: 0, runningDeliveries: 0, awaitingApproval: 0 };
const answering = { ok: true, message: 'answers' };

/** How the control plane is. */
export function createStatusRoutes({ db, engine }: ApiDependencies) {
  return createRouter().openapi(show, async (context) => {
    const [counts, unserved, temporal] = await Promise.allSettled([
      countOverview(db),
      listUnservedClasses(db),
      engine.client.withDeadline(Date.now() + 2_000, () =>
        engine.client.workflowService.getSystemInfo({}),
      ),
    ]);
    const answer: Status = {
      ok: counts.status === 'fulfilled' && temporal.status === 'fulfilled',
      database: counts.status === 'fulfilled' ? answering : silent('The database'),
      temporal: temporal.status === 'fulfilled' ? answering : silent('Temporal'),
      ...(counts.status === 'fulfilled' ? counts.value : nothing),
      unservedGpuClasses: unserved.status === 'fulfilled' ? unserved.value : [],
    };
    return context.json(answer, 200);
  });
}

function silent(who: string): Status['database'] {
  return { ok: false, message: `${who} does not answer` };
}
