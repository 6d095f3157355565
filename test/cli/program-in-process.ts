import type { AddressInfo } from 'node:net';
import { serve } from '@hono/node-server';
import { Client, Connection } from '@temporalio/client';
import { vi } from 'vitest';
import { createApi } from '../../api/app.js';
import type { Database } from '../../db/connect.js';
import { silentLog } from '../../runtime/log.js';
import { freshDatabase } from '../support/postgres.js';
import { runInProcess, type Said } from './run-in-process.js';

export interface ProgramInProcess {
  db: Database;
  /** Runs the command line in this process, against a real API over a fresh database. Temporal is away. */
  perennial(...args: string[]): Promise<Said>;
  close(): Promise<void>;
}

export async function startProgram(): Promise<ProgramInProcess> {
  const fresh = await freshDatabase();
  const connection = Connection.lazy({ address: '127.0.0.1:1' });
  const engine = { client: new Client({ connection }), patience: 500 };
  const api = createApi({ db: fresh.db, engine, log: silentLog });
  const server = await new Promise<ReturnType<typeof serve>>((resolve) => {
    const listening = serve({ fetch: api.fetch, port: 0, hostname: '127.0.0.1' }, () =>
      resolve(listening),
    );
  });
  vi.stubEnv('PERENNIAL_API', `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  return {
    db: fresh.db,
    perennial: (...args) => runInProcess(args),
    async close() {
      vi.unstubAllEnvs();
      await new Promise((resolve) => server.close(resolve));
      await connection.close();
      await fresh.close();
    },
  };
}
