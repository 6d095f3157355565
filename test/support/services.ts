/**
 * Global set-up of the layers that need servers: one PostgreSQL with a migrated template database and one Temporal dev server for the whole run,
 * in a temporary folder. Both end with the run, also when it is killed; a process that a test left behind fails the run.
 */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { migrateDatabase } from '../../db/migrate.js';
import { silentLog } from '../../runtime/log.js';
import { startPostgres } from '../../runtime/postgres/server.js';
import { findTemporalCli } from '../../runtime/temporal/cli.js';
import { startTemporalServer } from '../../runtime/temporal/server.js';
import { endLeftovers, runMark } from './leftovers.js';

declare module 'vitest' {
  interface ProvidedContext {
    /** Address of the database that fresh ones are cloned from. */
    templateDatabase: string;
    temporalAddress: string;
    /** Address of the Temporal UI. */
    temporalUi: string;
  }
}

interface Services {
  templateDatabase: string;
  temporalAddress: string;
  temporalUi: string;
  stop: () => Promise<void>;
}

/** Each project loads its own copy of this module: what they share has its place on the global object. */
const shared = globalThis as typeof globalThis & {
  perennialServices?: { started: Promise<Services>; users: number } | undefined;
};

export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const services = (shared.perennialServices ??= { started: startServices(), users: 0 });
  services.users += 1;
  const { templateDatabase, temporalAddress, temporalUi, stop } = await services.started;
  project.provide('templateDatabase', templateDatabase);
  project.provide('temporalAddress', temporalAddress);
  project.provide('temporalUi', temporalUi);
  return async () => {
    services.users -= 1;
    if (services.users > 0) return;
    shared.perennialServices = undefined;
    await stop();
  };
}

async function startServices(): Promise<Services> {
  const mark = randomBytes(8).toString('hex');
  const folder = await mkdtemp(join(tmpdir(), 'perennial-test-'));
  // PostgreSQL may run under another account, which has to pass through.
  await chmod(folder, 0o755);
  const [postgres, temporal] = await Promise.all([
    startPostgres({ folder: join(folder, 'postgres'), throwaway: true }).then(async (server) => {
      await migrateDatabase(server.url);
      return server;
    }),
    findTemporalCli(process.env.PERENNIAL_TEMPORAL_CLI).then((cli) =>
      startTemporalServer({
        cli,
        folder: join(folder, 'temporal'),
        namespace: 'perennial',
        log: silentLog,
        dynamicConfig: [
          // A second by default, for clocks of several hosts: so long would each timer of a skipped time take.
          'history.timerProcessorMaxTimeShift="20ms"',
          'history.workflowIdReuseMinimalInterval="0s"',
          'frontend.WorkflowTimeSkippingEnabled=true',
        ],
      }),
    ),
  ]);
  const folders = [folder, dirname(postgres.dataFolder)];
  const guard = guardAgainstKill([postgres.pid, temporal.pid], folders);
  process.env[runMark] = mark;
  return {
    templateDatabase: postgres.url,
    temporalAddress: temporal.address,
    temporalUi: temporal.ui ?? '',
    stop: async () => {
      guard.kill('SIGKILL');
      const leftovers = await endLeftovers(mark);
      await Promise.all([postgres.stop(), temporal.kill()]);
      await Promise.all(folders.map((each) => rm(each, { recursive: true, force: true })));
      if (leftovers.length > 0) {
        process.exitCode = 1;
        console.error(`Tests left processes behind (ended now):\n${leftovers.join('\n')}`);
      }
    },
  };
}

/** A shell that outlives us when we are killed, and then clears up. */
function guardAgainstKill(pids: number[], folders: string[]) {
  const script = `while kill -0 ${process.pid} 2>/dev/null; do sleep 1; done; kill -9 ${pids.join(' ')}; sleep 1; rm -rf "$@"`;
  const guard = spawn('sh', ['-c', script, 'guard', ...folders], {
    detached: true,
    stdio: 'ignore',
  });
  guard.unref();
  return guard;
}
