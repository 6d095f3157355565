import { createRoute } from '@hono/zod-openapi';
import { z } from 'zod';
import { PerennialError } from '../../contracts/errors.js';
import { instant } from '../../contracts/names.js';
import { logCursor, logPage } from '../../contracts/overview.js';
import { searchView } from '../../contracts/search.js';
import { reportTaken, trainerReport } from '../../contracts/trainer-status.js';
import { trainingJob } from '../../contracts/training.js';
import { trainingView } from '../../contracts/training-view.js';
import { readSearchView } from '../../db/training/search-view.js';
import { readLogPage } from '../../db/training/log-view.js';
import { mayReport, readProgressOf, recordProgress } from '../../db/training/progress.js';
import { readTrainingView } from '../../db/training/view.js';
import { readTrainerReport } from '../../training/trainer-status.js';
import { answers, body, createRouter, limit, ofDelivery } from '../answers.js';
import type { ApiDependencies } from '../dependencies.js';
import { bearerOf } from '../token.js';

const show = createRoute({
  method: 'get',
  path: '/models/{model}/deliveries/{number}/training',
  summary: 'The training attempt by attempt: progress, curves, GPUs',
  request: { params: ofDelivery },
  responses: answers(trainingView, 'The training'),
});

const readLog = createRoute({
  method: 'get',
  path: '/models/{model}/deliveries/{number}/logs',
  summary: 'What the trainer wrote',
  request: {
    params: ofDelivery,
    query: z.object({
      since: logCursor.default('0:0'),
      limit: limit(5_000, 1_000),
      /** Only lines that were kept at or after this instant. */
      from: instant.optional(),
      attempt: z.coerce.number().int().positive().optional(),
      /** Of a search: this trial's; left out, the chosen one's, or the newest's while none is chosen. */
      trial: z.coerce.number().int().positive().optional(),
      /** Of several replicas: this one's alone. */
      rank: z.coerce.number().int().nonnegative().max(1_000).optional(),
    }),
  },
  responses: answers(logPage, 'Lines in order; go on from `next`'),
});

const listTrials = createRoute({
  method: 'get',
  path: '/models/{model}/deliveries/{number}/trials',
  summary: 'The trials of a search: parameters, values, which one was chosen',
  request: { params: ofDelivery },
  responses: answers(searchView, 'The trials, in the order in which they were asked for'),
});

const report = createRoute({
  method: 'post',
  path: '/trainings/{key}/progress',
  summary: 'A trainer reports how far it is (Kubeflow progress protocol)',
  security: [{ attempt: [] }],
  request: { params: z.object({ key: trainingJob.shape.key }), body: body(trainerReport) },
  responses: answers(reportTaken, 'How far the attempt is by all it has said'),
});

/** Trainings: see them, and let them tell how far they are. */
export function createTrainingRoutes({ db }: ApiDependencies) {
  return createRouter()
    .openapi(show, async (context) => {
      const { model, number } = context.req.valid('param');
      return context.json(await readTrainingView(db, model, number), 200);
    })
    .openapi(readLog, async (context) => {
      const { model, number } = context.req.valid('param');
      return context.json(await readLogPage(db, model, number, context.req.valid('query')), 200);
    })
    .openapi(listTrials, async (context) => {
      const { model, number } = context.req.valid('param');
      return context.json(await readSearchView(db, model, number), 200);
    })
    .openapi(report, async (context) => {
      const { key } = context.req.valid('param');
      const token = bearerOf(context.req.header('authorization'));
      if (token === undefined || !(await mayReport(db, key, token)))
        throw new PerennialError(
          'UNAUTHENTICATED',
          `The request brings no token of the running training ${key}.`,
        );
      const before = await readProgressOf(db, key);
      const { line, remainingSeconds } = readTrainerReport(context.req.valid('json'), before);
      await recordProgress(db, key, [line], remainingSeconds);
      return context.json({ step: line.step, total: line.total ?? null }, 200);
    });
}
