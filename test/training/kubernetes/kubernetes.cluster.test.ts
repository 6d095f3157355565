import { join } from 'node:path';
import { createKubernetesBackend } from '../../../training/kubernetes/backend.js';
import { openCluster } from '../../../training/kubernetes/cluster.js';
import { podsPath } from '../../../training/kubernetes/find.js';
import { label } from '../../../training/kubernetes/manifest.js';
import { placement } from '../../../training/kubernetes/placement.js';
import { describeTrainingBackend } from '../backend-conformance.js';

/** What `./scripts/try-kubernetes` asks for: the cluster is somebody's, and so is what lies in it. */
function given(name: string): string {
  const value = process.env[name];
  if (value) return value;
  throw new Error(`${name} is not set; ./scripts/try-kubernetes --help says what it is for`);
}

describeTrainingBackend('kubernetes, on a real cluster,', async (_, artifacts) => {
  const cluster = await openCluster({ namespace: given('TRY_NAMESPACE') });
  const image = given('TRY_IMAGE');
  return {
    open: (installation = 'test') =>
      createKubernetesBackend({
        cluster,
        jobs: join(given('TRY_FOLDER'), 'jobs'),
        installation,
        artifacts,
        claim: given('TRY_CLAIM'),
        placement: placement.parse({}),
        image,
        settleMs: 60_000,
      }),
    // Without grace the pod is forgotten at once, as on a machine that is lost.
    kill: async (key) => {
      const query = { labelSelector: `${label.jobName}=${key}` };
      const body = { kind: 'DeleteOptions', apiVersion: 'v1', gracePeriodSeconds: 0 };
      await cluster.ask({ method: 'DELETE', path: podsPath, query, body });
    },
    outage: 'a cluster that is somebody’s is not stopped',
    smallDisk: 'its claim is as large as it is',
    images: {
      missing: `registry.invalid/missing@sha256:${'0'.repeat(64)}`,
      withoutCommand: given('TRY_IMAGE_WITHOUT_COMMAND'),
    },
    limits: true,
    isolation: true,
    replicas: true,
    meeting: true,
    withoutGpu: 'a cluster may grow: the job waits, and says what for',
  };
});
