import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Flight } from '../../examples/flight-delay/traffic.js';

export interface ReplayCounts {
  asked: number;
  answered: number;
  refused: number;
  labelled: number;
}

export interface Replay {
  /** Plays flights in order of their event time; resolves when all are answered and their labels told. */
  play(flights: Flight[]): Promise<void>;
  counts: ReplayCounts;
}

const labelBatch = 250;

/**
 * An application in small: asks the gateway for one prediction per flight, a few at a time, and tells the truth about each once its
 * labels are due. Requests carry the flight's own event time, so that a replayed month and a real one run the same code.
 */
export function createReplay({
  gateway,
  model,
  perSecond,
  concurrency = 8,
}: {
  gateway: string;
  model: string;
  perSecond: number;
  concurrency?: number;
}): Replay {
  const agent = new Agent({ keepAlive: true, maxSockets: concurrency });
  const counts: ReplayCounts = { asked: 0, answered: 0, refused: 0, labelled: 0 };

  const ask = async (flight: Flight): Promise<boolean> => {
    counts.asked += 1;
    const status = await post(agent, `${gateway}/v2/models/${model}/infer`, inferBody(flight));
    if (status === 200) counts.answered += 1;
    else counts.refused += 1;
    return status === 200;
  };

  const tellLabels = async (flights: Flight[]): Promise<void> => {
    if (flights.length === 0) return;
    const labels = flights.map(({ id, label, labelTime }) => ({ id, label, eventTime: labelTime }));
    const status = await post(agent, `${gateway}/v2/models/${model}/labels`, { labels });
    if (status !== 200)
      throw new Error(`The gateway answered ${status} to ${labels.length} labels.`);
    counts.labelled += labels.length;
  };

  const play = async (flights: Flight[]): Promise<void> => {
    const startedAt = performance.now();
    let next = 0;
    let due: Flight[] = [];
    const lane = async (): Promise<void> => {
      for (;;) {
        const index = next;
        next += 1;
        const flight = flights[index];
        if (!flight) return;
        const early = startedAt + (index / perSecond) * 1000 - performance.now();
        if (early > 2) await sleep(early);
        if (await ask(flight)) due.push(flight);
        if (due.length >= labelBatch) {
          const batch = due;
          due = [];
          await tellLabels(batch);
        }
      }
    };
    await Promise.all(Array.from({ length: concurrency }, lane));
    await tellLabels(due);
  };

  return { play, counts };
}

function inferBody(flight: Flight): unknown {
  const inputs = Object.entries(flight.inputs).map(([name, value]) => ({
    name,
    shape: [1, 1],
    datatype: typeof value === 'number' ? 'FP32' : 'BYTES',
    data: [value],
  }));
  return {
    id: flight.id,
    parameters: { entity: flight.entity, eventTime: flight.eventTime },
    inputs,
  };
}

function post(agent: Agent, url: string, body: unknown): Promise<number> {
  const bytes = Buffer.from(JSON.stringify(body));
  return new Promise((resolve, reject) => {
    const call = request(
      url,
      {
        agent,
        method: 'POST',
        headers: { 'content-type': 'application/json', 'content-length': bytes.length },
      },
      (answer) => {
        answer.resume();
        answer.on('end', () => resolve(answer.statusCode ?? 0));
        answer.on('error', reject);
      },
    );
    call.on('error', reject);
    call.end(bytes);
  });
}
