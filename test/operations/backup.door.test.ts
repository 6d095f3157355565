import { execFileSync } from 'node:child_process';
import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startStack, type Stack } from '../../cli/stack/stack.js';
import { createPerennial } from '../../client/index.js';
import { loadConfig } from '../../runtime/config.js';
import { connectTemporal } from '../../runtime/temporal/connection.js';
import { applicationOf } from '../api/remembered.js';
import { temporaryFolder } from '../support/artifacts.js';
import { trainerPython } from '../support/trainer.js';

async function startFrom(home: string): Promise<Stack> {
  const config = loadConfig({
    PERENNIAL_HOME: home,
    PERENNIAL_TEMPORAL_CLI: process.env.PERENNIAL_TEMPORAL_CLI,
    PERENNIAL_TRAINER_PYTHON: await trainerPython(),
    PERENNIAL_API_PORT: '0',
    PERENNIAL_GATEWAY_PORT: '0',
    PERENNIAL_TEMPORAL_PORT: '0',
    PERENNIAL_METRICS_PORT: '0',
    PERENNIAL_LOG_LEVEL: 'warn',
  });
  return startStack({ config });
}

/** What was started and does not end by itself, as Temporal remembers it. */
async function runIdOfDelivery({ temporalAddress: address }: Stack): Promise<string> {
  const temporal = await connectTemporal({ address, namespace: 'perennial' });
  const { runId, status } = await temporal.client.workflow.getHandle('deliver/kept').describe();
  await temporal.close();
  return `${runId} ${status.name}`;
}

test('a copy of the folder is a backup: put back, it knows its models and goes on with its workflows', async () => {
  const folder = await temporaryFolder();
  const [home, backup] = [join(folder, 'home'), join(folder, 'backup')];

  const first = await startFrom(home);
  const before = createPerennial({ url: first.apiUrl });
  await before.apply(applicationOf('kept'));
  const temporal = await connectTemporal({
    address: first.temporalAddress,
    namespace: 'perennial',
  });
  // Nobody polls this queue: it waits, as a delivery waits for a person.
  await temporal.client.workflow.start('deliverModel', {
    workflowId: 'deliver/kept',
    taskQueue: 'nobody',
    args: [],
  });
  await temporal.close();
  const waiting = await runIdOfDelivery(first);
  await first.stop();
  // As docs/operations.md says it.
  execFileSync('cp', ['-a', home, backup]);
  await rename(home, `${home}.lost`);
  await rename(backup, home);

  const second = await startFrom(home);
  try {
    const after = createPerennial({ url: second.apiUrl });
    expect((await after.listModels()).map(({ model }) => model)).toEqual(['kept']);
    expect((await after.audit({ subject: 'kept' })).map(({ action }) => action)).toEqual([
      'spec.applied',
    ]);
    const verified = await fetch(`${second.apiUrl}/api/v1/audit/verification`);
    expect(await verified.json()).toMatchObject({ ok: true });
    expect(await runIdOfDelivery(second)).toBe(waiting);
    expect(waiting).toMatch(/RUNNING$/);
  } finally {
    await second.stop();
  }
}, 240_000);
