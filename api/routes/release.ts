import { createRoute } from '@hono/zod-openapi';
import { z } from 'zod';
import { decision } from '../../contracts/approval.js';
import { PerennialError } from '../../contracts/errors.js';
import { workflowId } from '../../contracts/messages.js';
import { modelName } from '../../contracts/names.js';
import { releaseAnswer, rollbackStarted, type ReleaseAnswered } from '../../contracts/overview.js';
import { releaseActs, type ReleaseAct } from '../../contracts/release-state.js';
import { releaseCommand, releaseView, rollbackRequest } from '../../contracts/release.js';
import { findModel } from '../../db/model/overview.js';
import { findLastRelease } from '../../db/release/view.js';
import { answers, body, createRouter, idempotency, ofModel } from '../answers.js';
import type { ApiDependencies } from '../dependencies.js';
import { withLiveState } from '../live-release.js';
import { startRollback } from '../rollback.js';
import { callUpdate } from '../workflow-calls.js';

const show = createRoute({
  method: 'get',
  path: '/models/{model}/release',
  summary: 'The newest release of a model with its last judgement',
  request: { params: ofModel },
  responses: answers(releaseView, 'The release'),
});

const command = createRoute({
  method: 'post',
  path: '/models/{model}/release/{act}',
  summary: 'Promote, pause, resume, abort or extend the release under way',
  request: {
    params: z.object({ model: modelName, act: z.enum(releaseActs).exclude(['decide']) }),
    headers: idempotency,
    body: body(releaseCommand),
  },
  responses: answers(releaseAnswer, 'The release after the command was taken'),
});

const decide = createRoute({
  method: 'post',
  path: '/models/{model}/release/decide',
  summary: 'Answer a release whose judge asks a person: approve promotes, reject rolls back',
  request: {
    params: ofModel,
    headers: idempotency,
    body: body(decision.extend({ vote: z.enum(['approve', 'reject']) })),
  },
  responses: answers(releaseAnswer, 'The release after the decision was taken'),
});

const rollback = createRoute({
  method: 'post',
  path: '/models/{model}/rollback',
  summary: 'Give all traffic at once to an earlier approved version',
  request: { params: ofModel, body: body(rollbackRequest) },
  responses: answers(rollbackStarted, 'The release that rolls back, and how it ended if it has'),
});

/** Releases: look, steer, roll back. */
export function createReleaseRoutes({ db, engine }: ApiDependencies) {
  const steer = async (
    model: string,
    act: ReleaseAct,
    argument: unknown,
    updateId: string | undefined,
  ): Promise<ReleaseAnswered> => {
    await findModel(db, model);
    const answer = await callUpdate(
      engine,
      workflowId.release(model),
      { name: act, argument, updateId },
      { code: 'RELEASE_NOT_FOUND', message: `No release of '${model}' is under way.` },
    );
    return releaseAnswer.parse({ ...Object(answer), model });
  };

  return createRouter()
    .openapi(show, async (context) => {
      const { model } = context.req.valid('param');
      await findModel(db, model);
      const release = await findLastRelease(db, model);
      if (!release) throw new PerennialError('RELEASE_NOT_FOUND', `'${model}' has had no release.`);
      return context.json(await withLiveState(engine, release), 200);
    })
    .openapi(decide, async (context) => {
      const { model } = context.req.valid('param');
      const key = context.req.valid('header')['idempotency-key'];
      return context.json(await steer(model, 'decide', context.req.valid('json'), key), 200);
    })
    .openapi(command, async (context) => {
      const { model, act } = context.req.valid('param');
      const key = context.req.valid('header')['idempotency-key'];
      return context.json(await steer(model, act, context.req.valid('json'), key), 200);
    })
    .openapi(rollback, async (context) => {
      const { model } = context.req.valid('param');
      return context.json(
        await startRollback({ db, engine }, model, context.req.valid('json')),
        200,
      );
    });
}
