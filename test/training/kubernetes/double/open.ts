import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ArtifactStore } from '../../../../runtime/artifacts.js';
import type { TrainingBackend } from '../../../../training/backend.js';
import { createKubernetesBackend } from '../../../../training/kubernetes/backend.js';
import { openCluster } from '../../../../training/kubernetes/cluster.js';
import { placement } from '../../../../training/kubernetes/placement.js';
import { namespace, startKubernetesDouble, type KubernetesDouble } from './server.js';

export const digest = `sha256:${'0'.repeat(64)}`;

type Changes = Partial<Parameters<typeof createKubernetesBackend>[0]>;

export interface WorldOfDouble {
  double: KubernetesDouble;
  open: (changes?: Changes) => TrainingBackend;
}

/** A double whose images train by the scripted trainer's code, and backends that reach it as they reach a cluster. */
export async function openDouble(folder: string, artifacts: ArtifactStore): Promise<WorldOfDouble> {
  const double = await startKubernetesDouble({
    claims: { trainings: folder },
    image: (name) => {
      if (name.startsWith('missing')) return 'missing';
      if (name.startsWith('unreachable')) return 'unreachable';
      if (name.startsWith('empty')) return { command: ['/nowhere/train'] };
      return { command: ['python3', '/opt/ml/code/train.py'] };
    },
  });
  const kubeconfig = join(folder, 'kubeconfig');
  await writeFile(kubeconfig, JSON.stringify(double.kubeconfig));
  process.env['KUBECONFIG'] = kubeconfig;
  const cluster = await openCluster({ namespace });
  return {
    double,
    open: (changes = {}) =>
      createKubernetesBackend({
        cluster,
        jobs: join(folder, 'jobs'),
        installation: 'test',
        artifacts,
        claim: 'trainings',
        placement: placement.parse({}),
        image: `scripted@${digest}`,
        lookEvery: 0,
        ...changes,
      }),
  };
}
