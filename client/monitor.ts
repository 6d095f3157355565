import { randomUUID } from 'node:crypto';
import {
  monitorView,
  type MonitorConfigurationRequest,
  type MonitorView,
} from '../contracts/drift.js';
import { monitorAnswer, type MonitorAnswered } from '../contracts/overview.js';
import type { Http } from './http.js';

/** The monitor of a model: how it is, pause and resume it, have it look at once or at another interval. */
export function createMonitorClient(http: Http) {
  const pathOf = (model: string) => `/api/v1/models/${encodeURIComponent(model)}/monitor`;
  const command =
    (act: 'pause' | 'resume' | 'breach') =>
    (
      model: string,
      body: { by: string; reason?: string },
      idempotencyKey: string = randomUUID(),
    ): Promise<MonitorAnswered> =>
      http.post(`${pathOf(model)}/${act}`, monitorAnswer, {
        body,
        headers: { 'idempotency-key': idempotencyKey },
      });
  return {
    showMonitor: (model: string): Promise<MonitorView> => http.get(pathOf(model), monitorView),
    pauseMonitor: command('pause'),
    resumeMonitor: command('resume'),
    wakeMonitor: command('breach'),
    /** Sets the time between checks, `1h`; null goes back to the spec's. */
    configureMonitor: (
      model: string,
      body: MonitorConfigurationRequest,
      idempotencyKey: string = randomUUID(),
    ): Promise<MonitorAnswered> =>
      http.post(`${pathOf(model)}/configure`, monitorAnswer, {
        body,
        headers: { 'idempotency-key': idempotencyKey },
      }),
  };
}
