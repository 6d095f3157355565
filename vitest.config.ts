import { defineConfig } from 'vitest/config';

/** Layers by what a test needs; the endings of the file names say which layer it is in. */
const layers = {
  pure: { include: ['test/!(chaos|replay|repository|support)/*.test.ts'], services: false },
  repository: { include: ['test/repository/*.test.ts'], services: false },
  database: { include: ['test/**/*.db.test.ts'], services: true },
  replay: { include: ['test/replay/*.test.ts'], services: false },
  workflow: { include: ['test/**/*.workflow.test.ts'], services: true },
  door: { include: ['test/**/*.door.test.ts'], services: true },
  browser: { include: ['test/**/*.browser.test.ts'], services: true },
  engine: { include: ['test/**/*.engine.test.ts'], services: true },
  // On a real Kubernetes cluster: ./scripts/try-kubernetes.
  cluster: { include: ['test/**/*.cluster.test.ts'], services: false },
  // With Java and pyspark: ./scripts/try-spark.
  spark: { include: ['test/**/*.spark.test.ts'], services: false },
  chaos: { include: ['test/chaos/*.test.ts'], services: true },
};
const endings = ['db', 'workflow', 'door', 'browser', 'engine', 'cluster', 'spark'].map(
  (word) => `test/**/*.${word}.test.ts`,
);

/** Layers that need what is not everywhere; no whole run includes them. */
const alone = ['cluster', 'spark'];

export default defineConfig({
  test: {
    pool: 'forks',
    // One more than the two cores that the run is measured on: its tests wait for processes and timers much of the time.
    maxWorkers: 3,
    passWithNoTests: true,
    projects: Object.entries(layers).map(([name, { include, services }]) => ({
      test: {
        name,
        include,
        exclude: services || alone.includes(name) ? [] : endings,
        testTimeout: alone.includes(name) ? 600_000 : services ? 60_000 : 15_000,
        // One case stops the engine that all share.
        fileParallelism: name !== 'engine',
        hookTimeout: services ? 120_000 : 30_000,
        globalSetup: [
          'test/support/run-folder.ts',
          ...(services ? ['test/support/services.ts'] : []),
          ...(name === 'engine' ? ['test/support/engine.ts'] : []),
        ],
      },
    })),
  },
});
