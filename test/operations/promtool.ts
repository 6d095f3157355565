import { execFileSync } from 'node:child_process';
import { accessSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { root } from '../repository/tree.js';

/** Prometheus' own checker: on PATH, or where `./scripts/test` unpacks it; undefined where there is none. */
export const promtool = [
  ...(process.env.PATH ?? '').split(delimiter),
  join(root, '.tools/prometheus/usr/bin'),
]
  .map((folder) => join(folder, 'promtool'))
  .find((file) => {
    try {
      accessSync(file);
      return true;
    } catch {
      return false;
    }
  });

export const noPromtool = 'promtool is missing (on Debian: apt-get install -y prometheus)';

/** What it says; throws with what it says when it finds a fault. */
export function runPromtool(args: string[], input?: string): string {
  return execFileSync(promtool ?? '', args, {
    cwd: join(root, 'deploy'),
    input: input ?? '',
    encoding: 'utf8',
    stdio: 'pipe',
  });
}
