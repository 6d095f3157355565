import { WorkflowNotFoundError } from '@temporalio/client';
import { createRoute } from '@hono/zod-openapi';
import { z } from 'zod';
import { monitorConfiguration, monitorView, type MonitorView } from '../../contracts/drift.js';
import { milliseconds } from '../../contracts/duration.js';
import { PerennialError } from '../../contracts/errors.js';
import { queries, workflowId } from '../../contracts/messages.js';
import { modelName } from '../../contracts/names.js';
import { monitorAnswer, type MonitorAnswered } from '../../contracts/overview.js';
import { releaseCommand } from '../../contracts/release.js';
import type { MonitorState } from '../../contracts/states.js';
import { lastDriftReport } from '../../db/drift/report.js';
import { findModel } from '../../db/model/overview.js';
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

const configure = createRoute({
  method: 'post',
  path: '/models/{model}/monitor/configure',
  summary: 'Check at another interval than the spec says, or at the spec’s again',
  request: { params: ofModel, headers: idempotency, body: body(monitorConfiguration) },
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

  const tell = async (
    model: string,
    message: { name: string; argument: unknown; updateId: string | undefined },
  ): Promise<MonitorAnswered> => {
    await findModel(db, model);
    const answer = await callUpdate(engine, workflowId.monitor(model), message, unwatched(model));
    return monitorAnswer.parse({ ...Object(answer), model });
  };

  return createRouter()
    .openapi(show, async (context) => {
      const { model } = context.req.valid('param');
      await findModel(db, model);
      const state = await readState(model);
      if (state.status === 'retired') throw unwatched(model);
      const lastReport = await lastDriftReport(db, model);
      const { status, paused, every, everyOverride, checks, nextCheckAt, retrainings } = state;
      const view: MonitorView = {
        model,
        status,
        paused,
        every: everyOverride ?? every,
        everyOverride,
        checks,
        nextCheckAt,
        lastReport,
        retrainings,
      };
      return context.json(view, 200);
    })
    .openapi(configure, async (context) => {
      const { model } = context.req.valid('param');
      const { every, by, reason } = context.req.valid('json');
      const argument = { every: every === null ? null : milliseconds(every), by, reason };
      const updateId = context.req.valid('header')['idempotency-key'];
      return context.json(await tell(model, { name: 'configure', argument, updateId }), 200);
    })
    .openapi(command, async (context) => {
      const { model, act } = context.req.valid('param');
      const { by, reason } = context.req.valid('json');
      // A breach is told by a measurement as well as by a person: it has no `by`.
      const argument = act === 'breach' ? { reason: `${by}: ${reason}` } : { by, reason };
      const updateId = context.req.valid('header')['idempotency-key'];
      return context.json(await tell(model, { name: act, argument, updateId }), 200);
    });
}

function unwatched(model: string): PerennialError {
  return new PerennialError('MONITOR_NOT_FOUND', `Nothing watches '${model}'.`);
}
