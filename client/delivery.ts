import { setTimeout as wait } from 'node:timers/promises';
import { z } from 'zod';
import {
  deliveryView,
  startedDelivery,
  type DeliveryView,
  type StartDelivery,
  type StartedDelivery,
} from '../contracts/delivery.js';
import {
  deliveryDetail,
  logPage,
  type DeliveryDetail,
  type LogPage,
} from '../contracts/overview.js';
import type { Http } from './http.js';

export interface WatchOptions {
  /** The delivery's number, or the run id that starting it answered; the newest delivery when both are left out. */
  number?: number;
  runId?: string;
  /** Milliseconds between two looks. */
  every?: number;
  signal?: AbortSignal;
}

/** Deliveries: start one, follow it to its outcome, read what the trainer said. */
export function createDeliveryClient(http: Http) {
  const pathOf = (model: string) => `/api/v1/models/${encodeURIComponent(model)}/deliveries`;

  const listDeliveries = async (
    model: string,
    query: { limit?: number; runId?: string } = {},
  ): Promise<DeliveryView[]> => {
    const answer = z.strictObject({ deliveries: z.array(deliveryView) });
    return (await http.get(pathOf(model), answer, { query })).deliveries;
  };

  const showDelivery = (model: string, number: number): Promise<DeliveryDetail> =>
    http.get(`${pathOf(model)}/${number}`, deliveryDetail);

  return {
    startDelivery: ({ model, ...request }: StartDelivery): Promise<StartedDelivery> =>
      http.post(pathOf(model), startedDelivery, { body: request }),
    listDeliveries,
    showDelivery,
    /** Yields the delivery each time something about it changed, and ends after the one with its outcome. */
    async *watch(
      model: string,
      { number, runId, every = 500, signal }: WatchOptions = {},
    ): AsyncGenerator<DeliveryDetail, void, void> {
      let known = number;
      let before = '';
      for (;;) {
        // A delivery just started has no number for a moment.
        if (known === undefined) {
          const query = runId === undefined ? { limit: 1 } : { limit: 1, runId };
          known = (await listDeliveries(model, query))[0]?.number;
        }
        const detail = known === undefined ? null : await showDelivery(model, known);
        const now = detail ? fingerprintOf(detail) : '';
        if (detail && now !== before) yield detail;
        if (detail && detail.delivery.outcome !== null) return;
        before = now;
        await wait(every, undefined, signal ? { signal } : {});
      }
    },
    /** One page of the trainer's log after `since`, the start when left out. */
    logs: (
      model: string,
      number: number,
      { since, limit }: { since?: string; limit?: number } = {},
    ): Promise<LogPage> =>
      http.get(`${pathOf(model)}/${number}/logs`, logPage, { query: { since, limit } }),
  };
}

/** Everything of a delivery that can change, without the seconds that run on by themselves. */
function fingerprintOf({ delivery, ...rest }: DeliveryDetail): string {
  return JSON.stringify({ ...rest, delivery: { ...delivery, seconds: {} } });
}
