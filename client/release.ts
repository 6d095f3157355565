import { randomUUID } from 'node:crypto';
import {
  releaseAnswer,
  rollbackStarted,
  type ReleaseAnswered,
  type RollbackStarted,
} from '../contracts/overview.js';
import {
  releaseView,
  type ReleaseCommand,
  type ReleaseView,
  type RollbackRequest,
} from '../contracts/release.js';
import type { Http } from './http.js';

/** Releases: steer the one under way, answer its judge, roll back. */
export function createReleaseClient(http: Http) {
  const pathOf = (model: string) => `/api/v1/models/${encodeURIComponent(model)}`;
  const send = (model: string, act: string, body: unknown, key: string = randomUUID()) =>
    http.post(`${pathOf(model)}/release/${act}`, releaseAnswer, {
      body,
      headers: { 'idempotency-key': key },
    });
  const command =
    (act: string) =>
    (model: string, body: ReleaseCommand, idempotencyKey?: string): Promise<ReleaseAnswered> =>
      send(model, act, body, idempotencyKey);
  return {
    showRelease: (model: string): Promise<ReleaseView> =>
      http.get(`${pathOf(model)}/release`, releaseView),
    promote: command('promote'),
    pause: command('pause'),
    resume: command('resume'),
    abort: command('abort'),
    extend: command('extend'),
    /** Answers a release that asks a person: approve promotes, reject rolls back. */
    decideRelease: (
      model: string,
      decision: { vote: 'approve' | 'reject'; by: string; reason?: string },
      idempotencyKey?: string,
    ): Promise<ReleaseAnswered> => send(model, 'decide', decision, idempotencyKey),
    /** Gives all traffic at once to version `to`, or to the champion before this one. */
    rollback: (model: string, request: RollbackRequest): Promise<RollbackStarted> =>
      http.post(`${pathOf(model)}/rollback`, rollbackStarted, { body: request }),
  };
}
