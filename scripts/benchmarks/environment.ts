import { readFileSync } from 'node:fs';
import { cpus, loadavg, release, totalmem } from 'node:os';

/** The machine a figure was measured on, for whoever compares figures. */
export function describeEnvironment(): string {
  const processors = cpus();
  const dependencies = ['@temporalio/worker', 'onnxruntime-node', '@duckdb/node-api'];
  return [
    `${processors[0]?.model.trim() ?? 'unknown processor'}, ${processors.length} cores`,
    `${Math.round(totalmem() / 2 ** 30)} GiB`,
    `${process.platform} ${release()}`,
    `load average ${loadavg()
      .map((load) => load.toFixed(1))
      .join(' ')}`,
    `Node ${process.versions.node}`,
    ...dependencies.map((name) => `${name} ${versionOf(name)}`),
  ].join(' · ');
}

/** Version of a dependency, as package.json pins it. */
export function versionOf(name: string): string {
  const file = new URL('../../package.json', import.meta.url);
  const { dependencies } = JSON.parse(readFileSync(file, 'utf8')) as {
    dependencies: Record<string, string>;
  };
  return dependencies[name] ?? 'unknown';
}
