import { Agent, request as startRequest } from 'node:http';
import type { InferAnswer } from '../../contracts/serving.js';
import { inferBody } from './served-model.js';

export interface Answered {
  id: string;
  entity: string;
  status: number;
  version: string;
  role: string;
  revision: number;
  at: number;
}

/** Clients that each ask again as soon as they are answered, over connections that stay open. */
export function startLoad({
  address,
  model,
  clients,
  rows = 1,
  prefix = 'load',
}: {
  address: string;
  model: string;
  clients: number;
  rows?: number;
  /** Of the requests' ids. */
  prefix?: string;
}) {
  const agent = new Agent({ keepAlive: true, maxSockets: clients });
  const answered: Answered[] = [];
  const failed: string[] = [];
  let stopped = false;
  let number = 0;

  const client = async (): Promise<void> => {
    while (!stopped) {
      number += 1;
      const id = `${prefix}-${number}`;
      const entity = `aircraft ${number % 500}`;
      try {
        answered.push(
          await ask(agent, `${address}/v2/models/${model}/infer`, { id, entity, rows }),
        );
      } catch (error) {
        failed.push(error instanceof Error ? error.message : String(error));
        if (!stopped) await new Promise((resolve) => setImmediate(resolve));
      }
    }
  };
  const running = Array.from({ length: clients }, client);
  return {
    answered,
    failed,
    async stop(): Promise<void> {
      stopped = true;
      await Promise.all(running);
      agent.destroy();
    },
  };
}

function ask(
  agent: Agent,
  url: string,
  { id, entity, rows }: { id: string; entity: string; rows: number },
): Promise<Answered> {
  const body = JSON.stringify(inferBody(rows, { id, parameters: { entity } }));
  return new Promise((resolve, reject) => {
    const request = startRequest(url, { method: 'POST', agent }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => (text += chunk));
      response.on('error', reject);
      response.on('end', () => {
        const answer = JSON.parse(text) as Partial<InferAnswer>;
        resolve({
          id,
          entity,
          status: response.statusCode ?? 0,
          version: answer.model_version ?? '',
          role: answer.parameters?.role ?? '',
          revision: answer.parameters?.revision ?? 0,
          at: performance.now(),
        });
      });
    });
    request.on('error', reject);
    request.end(body);
  });
}
