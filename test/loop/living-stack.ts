import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { vi } from 'vitest';
import { startStack, type Stack } from '../../cli/stack/stack.js';
import { createGateway, createPerennial, type Perennial } from '../../client/index.js';
import type { DeliveryDetail } from '../../contracts/overview.js';
import type { ModelSpecInput } from '../../contracts/spec.js';
import { loadConfig } from '../../runtime/config.js';
import { temporaryFolder } from '../support/artifacts.js';
import { freshDatabase, type FreshDatabase } from '../support/postgres.js';
import { freshNamespace, type FreshNamespace } from '../support/temporal.js';
import { trainerPython } from '../support/trainer.js';
import { contract, drawRows, featuresOf, landRows, type World } from '../../scripts/small-world.js';

/** Every process of the product, on the run's own PostgreSQL and Temporal server: nothing is mocked. */
export interface LivingStack {
  stack: Stack;
  perennial: Perennial;
  gateway: ReturnType<typeof createGateway>;
  database: FreshDatabase;
  temporal: FreshNamespace;
  folder: string;
  close(): Promise<void>;
}

export async function startLivingStack(): Promise<LivingStack> {
  const folder = await temporaryFolder();
  const database = await freshDatabase();
  const temporal = await freshNamespace();
  const config = loadConfig({
    ...process.env,
    DATABASE_URL: database.url,
    TEMPORAL_ADDRESS: temporal.address,
    TEMPORAL_NAMESPACE: temporal.namespace,
    PERENNIAL_HOME: join(folder, 'home'),
    PERENNIAL_API_PORT: '0',
    PERENNIAL_GATEWAY_PORT: '0',
    PERENNIAL_TRAINER_PYTHON: await trainerPython(),
    PERENNIAL_LOG_LEVEL: 'warn',
  });
  const stack = await startStack({ config });
  return {
    stack,
    perennial: createPerennial({ url: stack.apiUrl }),
    gateway: createGateway({ url: stack.gatewayUrl }),
    database,
    temporal,
    folder,
    close: async () => {
      await stack.stop();
      await temporal.close();
      await database.close();
    },
  };
}

/** One model of the stack with a folder of its own: what a person does with it, in the words of a test. */
export function createTeam({ perennial, gateway, folder }: LivingStack, model: string) {
  const base = join(folder, model);
  const asked = { requestedBy: 'olive', trigger: 'manual' } as const;

  const follow = async (
    runId: string,
    until: (detail: DeliveryDetail) => boolean,
  ): Promise<DeliveryDetail> => {
    for await (const detail of perennial.watch(model, { runId, every: 200 }))
      if (until(detail)) return detail;
    throw new Error(`The delivery of ${model} ended before what the test waited for.`);
  };

  const team = {
    model,
    land: async (world: World & { spoil?: number }) => {
      await mkdir(base, { recursive: true });
      await landRows(base, world);
    },
    apply: (spec: ModelSpecInput) => perennial.apply({ spec, contract, base, by: 'olive' }),
    deliver: async () => (await perennial.startDelivery({ model, ...asked })).runId,
    awaitApproval: (runId: string) =>
      follow(runId, ({ approval }) => approval?.standing === 'open'),
    awaitOutcome: (runId: string) => follow(runId, ({ delivery }) => delivery.outcome !== null),
    approve: async (runId: string, by = 'anna') => {
      const { approval } = await team.awaitApproval(runId);
      return perennial.approve(model, {
        by,
        reason: 'looks right',
        evidence: approval?.evidence ?? '',
      });
    },
    /** Deliver, approve, promoted. */
    deliverAndApprove: async () => {
      const runId = await team.deliver();
      await team.approve(runId);
      return team.awaitOutcome(runId);
    },
    champion: async () => (await perennial.showModel(model)).champion,
    /** Asks for each row and tells its label; returns how many the model refused to answer. */
    ask: async (
      world: World,
      { labels = true } = {},
    ): Promise<{ answered: number; refused: number }> => {
      const counts = { answered: 0, refused: 0 };
      for (const row of drawRows(world)) {
        const answered = await gateway
          .infer(model, featuresOf(row), { id: row.id, entity: row.id, eventTime: row.at })
          .then(
            () => true,
            () => false,
          );
        counts[answered ? 'answered' : 'refused'] += 1;
        if (answered && labels)
          await gateway.sendLabels(model, [{ id: row.id, label: row.y, eventTime: row.at }]);
      }
      return counts;
    },
    /** The gateway learns of a route by NOTIFY, a moment after the promotion. */
    awaitServing: () =>
      vi.waitUntil(
        () =>
          gateway.infer(model, { x: 0, kind: 'a' }).then(
            () => true,
            () => false,
          ),
        { timeout: 20_000, interval: 100 },
      ),
  };
  return team;
}
