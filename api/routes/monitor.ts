import { WorkflowNotFoundError } from '@temporalio/client';
import { createRoute } from '@hono/zod-openapi';
import { z } from 'zod';
import { monitorView, type MonitorView } from '../../contracts/drift.js';
import { PerennialError } from '../../contracts/errors.js';
import { queries, workflowId } from '../../contracts/messages.js';
import { modelName } from '../../contracts/names.js';
import { monitorAnswer } from '../../contracts/overview.js';
import { releaseCommand } from '../../contracts/release.js';
import type { MonitorState } from '../../contracts/states.js';
import { findModel, listDriftReports } from '../../db/overview.js';
import { answers, body, createRouter, idempotency, ofModel } from '../answers.js';
import type { ApiDependencies } from '../dependencies.js';
import { callUpdate, patiently } from '../workflow-calls.js';

const show = createRoute({
  method: 'get',
  path: '/models/{model}/monitor',
  summary: 'How the monitor of a model is, and when it looks next',
  request: { params: ofModel },
  responses: answers(monitorView, 'The monitor'),
});

const command = createRoute({
  method: 'post',
  path: '/models/{model}/monitor/{act}',
  summary: 'Pause or resume the monitor, or have it look at once',
  request: {
    params: z.object({ model: modelName, act: z.enum(['pause', 'resume', 'breach']) }),
    headers: idempotency,
    body: body(releaseCommand),
  },
  responses: answers(monitorAnswer, 'What the monitor does now'),
});

/** The monitor of a model, as its workflow sees it. */
export function createMonitorRoutes({ db, engine }: ApiDependencies) {
  const readState = async (model: string): Promise<MonitorState> => {
    try {
      return await patiently(engine, (client) =>
        client.workflow.getHandle(workflowId.monitor(model)).query<MonitorState>(queries.state),
      );
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) throw unwatched(model);
      throw error;
    }
  };

  return createRouter()
    .openapi(show, async (context) => {
      const { model } = context.req.valid('param');
      await findModel(db, model);
      const state = await readState(model);
      if (state.status === 'retired') throw unwatched(model);
      const [lastReport] = await listDriftReports(db, model, 1);
      const { paused, checks, nextCheckAt, retrainings } = state;
      const view: MonitorView = {
        model,
        paused,
        checks,
        nextCheckAt,
        lastReport: lastReport ?? null,
        retrainings,
      };
      return context.json(view, 200);
    })
    .openapi(command, async (context) => {
      const { model, act } = context.req.valid('param');
      const { by, reason } = context.req.valid('json');
      await findModel(db, model);
      const { code, message } = unwatched(model);
      const answer = await callUpdate(
        engine,
        workflowId.monitor(model),
        {
          name: act,
          // A breach is told by a measurement as well as by a person: it has no `by`.
          argument: act === 'breach' ? { reason: `${by}: ${reason}` } : { by, reason },
          updateId: context.req.valid('header')['idempotency-key'],
        },
        { code, message },
      );
      return context.json(monitorAnswer.parse({ ...Object(answer), model }), 200);
    });
}

function unwatched(model: string): PerennialError {
  return new PerennialError('MONITOR_NOT_FOUND', `Nothing watches '${model}'.`);
}
