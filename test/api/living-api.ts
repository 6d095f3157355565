import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Context } from '@temporalio/activity';
import { DefaultLogger, Runtime, Worker } from '@temporalio/worker';
import { createApprovalActivities } from '../../activities/approval.js';
import { createDeliveryActivities } from '../../activities/delivery.js';
import { createJanitorDoor } from '../../activities/janitor-door.js';
import { createMonitorActs } from '../../activities/monitor-acts.js';
import { createMonitorDoor } from '../../activities/monitor-door.js';
import { createReleaseActivities } from '../../activities/release/release.js';
import { createTrainingAttempts } from '../../activities/training/attempt.js';
import { createVersionActivities } from '../../activities/version.js';
import { createApi } from '../../api/app.js';
import { createPerennial, type Perennial } from '../../client/index.js';
import { PerennialError } from '../../contracts/errors.js';
import { taskQueues } from '../../contracts/messages.js';
import type { SuperviseTrainingInput } from '../../contracts/stages.js';
import type { AssessDriftInput, AssessDriftResult } from '../../contracts/monitor.js';
import { recordOutcome } from '../../db/training/training.js';
import { systemClock } from '../../runtime/clock.js';
import { silentLog } from '../../runtime/log.js';
import { healthy, judgement } from '../../scripts/healthy-model.js';
import { prepareBundle } from '../../workers/bundle.js';
import { createFailureInterceptor } from '../../workers/failure-interceptor.js';
import { freshDatabase, type FreshDatabase } from '../support/postgres.js';
import { freshNamespace, type FreshNamespace } from '../support/temporal.js';

export interface LivingApi {
  database: FreshDatabase;
  namespace: FreshNamespace;
  perennial: Perennial;
  api: ReturnType<typeof createApi>;
  /** From now on the judge of a step says this; null keeps it looking. */
  judgeSays(recommendation: 'promote' | 'ask' | null): void;
  /** From now on trainings find their engine away; null brings it back. */
  engineAway(sentence: string | null): void;
  /** From now on the monitor finds this at each of its checks; null finds nothing. */
  monitorFinds(retraining: AssessDriftResult['retraining']): void;
  end(): Promise<void>;
}

/** The API over the real database, the real server and the real workflows. Data, training and judging are played, for they are tested elsewhere. */
export async function startLivingApi(): Promise<LivingApi> {
  Runtime.install({ logger: new DefaultLogger('WARN') });
  const [database, namespace, bundle] = await Promise.all([
    freshDatabase(),
    freshNamespace(),
    prepareBundle(join(tmpdir(), 'perennial-test-bundles')),
  ]);
  const { db } = database;
  let says: 'promote' | 'ask' | null = 'promote';
  let retraining: AssessDriftResult['retraining'] = null;
  let away: string | null = null;
  const activities = {
    ...healthy,
    ...createDeliveryActivities({
      db,
      monitors: createMonitorDoor(namespace.client),
      janitor: createJanitorDoor(namespace.client),
    }),
    ...createTrainingAttempts({ db, backendName: 'process', installation: 'test' }),
    ...createVersionActivities({ db, log: silentLog, codeRevision: 'test' }),
    ...createApprovalActivities({ db, clock: systemClock }),
    ...createReleaseActivities({ db, log: silentLog }),
    ...createMonitorActs({ db }),
    superviseTraining: async (input: SuperviseTrainingInput) => {
      if (away !== null) throw new PerennialError('ENGINE_UNAVAILABLE', away);
      return recordOutcome(db, input, await healthy.superviseTraining(input));
    },
    assessDrift: async (input: AssessDriftInput) => ({
      ...(await healthy.assessDrift(input)),
      retraining,
    }),
    judgeStep: async ({ step }: { step: number }) => {
      const { cancellationSignal } = Context.current();
      while (says === null && !cancellationSignal.aborted) {
        Context.current().heartbeat();
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      cancellationSignal.throwIfAborted();
      return { judgement: judgement(says ?? 'promote', step) };
    },
  };
  const workers = await Promise.all(
    Object.entries(taskQueues).map(([kind, taskQueue]) =>
      Worker.create({
        connection: namespace.nativeConnection,
        namespace: namespace.namespace,
        taskQueue,
        activities,
        interceptors: { activity: [createFailureInterceptor(silentLog)] },
        maxHeartbeatThrottleInterval: '200ms',
        ...(kind === 'pipeline' ? { workflowBundle: bundle, maxCachedWorkflows: 50 } : {}),
      }),
    ),
  );
  const running = Promise.all(workers.map((worker) => worker.run()));
  const api = createApi({
    db,
    engine: { client: namespace.client, patience: 20_000 },
    log: silentLog,
  });
  const fetch: typeof globalThis.fetch = async (input, init) => api.request(input, init);
  return {
    database,
    namespace,
    api,
    perennial: createPerennial({ url: 'http://perennial.test', fetch }),
    judgeSays: (recommendation) => {
      says = recommendation;
    },
    engineAway: (sentence) => {
      away = sentence;
    },
    monitorFinds: (found) => {
      retraining = found;
    },
    async end() {
      for (const worker of workers) worker.shutdown();
      await running;
      await namespace.close();
      await database.close();
    },
  };
}
