import { setTimeout as wait } from 'node:timers/promises';
import { z } from 'zod';
import {
  deliveryView,
  startedDelivery,
  type DeliveryView,
  type StartDelivery,
  type StartedDelivery,
} from '../contracts/delivery.js';
import { deliveryDetail, type DeliveryDetail } from '../contracts/overview.js';
import { PerennialError } from '../contracts/errors.js';
import type { Http } from './http.js';

export interface WatchOptions {
  /** The delivery's number, or the run id that starting it answered; the newest delivery when both are left out. */
  number?: number;
  runId?: string;
  /** Milliseconds between two looks while something moves. */
  every?: number;
  signal?: AbortSignal;
}

/** Deliveries: start one, follow it to its outcome. */
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
    /**
     * Yields the delivery each time something about it changed, and ends after the one with its outcome. While nothing changes it looks
     * less often; a server that is away for less than a minute is waited for.
     */
    async *watch(
      model: string,
      { number, runId, every = 500, signal }: WatchOptions = {},
    ): AsyncGenerator<DeliveryDetail, void, void> {
      let known = number;
      let before = '';
      let pause = every;
      let lastAnswer = Date.now();
      for (;;) {
        try {
          // A delivery just started has no number for a moment.
          known ??= (await listDeliveries(model, newest(runId)))[0]?.number;
          const detail = known === undefined ? null : await showDelivery(model, known);
          lastAnswer = Date.now();
          const now = detail ? fingerprintOf(detail) : '';
          pause = now === before ? Math.min(pause * 1.1, every * 4) : every;
          if (detail && now !== before) yield detail;
          if (detail && detail.delivery.outcome !== null) return;
          before = now;
        } catch (error) {
          // Before the first answer an address may just be wrong: that is told at once.
          if (!isAway(error) || before === '' || Date.now() - lastAnswer > longestAbsence)
            throw error;
        }
        await wait(pause, undefined, signal ? { signal } : {});
      }
    },
  };
}

const longestAbsence = 60_000;

function isAway(error: unknown): boolean {
  return error instanceof PerennialError && error.entry.kind === 'retry';
}

function newest(runId: string | undefined): { limit: number; runId?: string } {
  return runId === undefined ? { limit: 1 } : { limit: 1, runId };
}

/** Everything of a delivery that can change, without the seconds that run on by themselves. */
function fingerprintOf({ delivery, ...rest }: DeliveryDetail): string {
  return JSON.stringify({ ...rest, delivery: { ...delivery, seconds: {} } });
}
