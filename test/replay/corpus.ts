import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('../histories', import.meta.url));

export interface RecordedHistory {
  /** Below test/histories. */
  name: string;
  type: string;
  json: unknown;
}

/** Every recorded history: real runs, exported by scripts/export-histories.ts. */
export async function recordedHistories(): Promise<RecordedHistory[]> {
  const names = await readdir(folder, { recursive: true });
  return Promise.all(
    names
      .filter((name) => name.endsWith('.json'))
      .toSorted()
      .map(async (name) => ({
        name,
        type: name.split('/')[0] ?? '',
        json: JSON.parse(await readFile(join(folder, name), 'utf8')) as unknown,
      })),
  );
}

/** Workflows check their own id, so a replay has to know it: `deliver-<model>-<status>-<run>.json`. */
export function idOf(name: string): string {
  const [kind = '', ...rest] = (name.split('/')[1] ?? '')
    .replace(/-[a-z_]+-[0-9a-f]{8}\.json$/, '')
    .split('-');
  if (kind === 'train') return trainingId(rest.join('-'));
  return rest.length > 0 ? `${kind}/${rest.join('-')}` : kind;
}

/** `<model>-<delivery>`, and of a search `-trial-<number>` behind it. */
function trainingId(name: string): string {
  const [, model, delivery, trial] = /^(.+?)-(\d+)(?:-(trial-\d+))?$/.exec(name) ?? [];
  return ['train', model, delivery, ...(trial ? [trial] : [])].join('/');
}
