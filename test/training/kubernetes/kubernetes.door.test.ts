import { afterAll } from 'vitest';
import { describeTrainingBackend } from '../backend-conformance.js';
import { digest, openDouble, type WorldOfDouble } from './double/open.js';

let world: WorldOfDouble | undefined;
afterAll(() => world?.double.stop());

describeTrainingBackend('kubernetes', async (folder, artifacts) => {
  const { double, open } = (world = await openDouble(folder, artifacts));
  return {
    open: (installation = 'test') => open({ installation }),
    kill: async (key) => double.kill(key),
    outage: { begin: () => double.goAway(), end: () => double.comeBack() },
    images: { missing: `missing@${digest}`, withoutCommand: `empty@${digest}` },
    smallDisk: 'mounting a small disk needs root, which this layer does without',
    limits:
      'the double runs containers as processes; memory alone it watches (kubernetes-training)',
    isolation: 'the double runs containers as processes, which see the machine',
    replicas: true,
    meeting: 'the double gives its pods no names to find each other by',
    withoutGpu: 'a cluster may grow: the job waits, and says what for (kubernetes-training)',
  };
});
