import { constants } from 'node:fs';
import { access, readdir } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PerennialError } from '../../contracts/errors.js';

/** Where scripts/setup puts what it fetches: the SDK's own download, or the Python wheel. */
const tools = fileURLToPath(new URL('../../.tools', import.meta.url));

/** The `temporal` binary: the one named by the setting, on PATH, downloaded by the SDK, or from the Python wheel in .tools/. Throws TOOL_MISSING. */
export async function findTemporalCli(
  named: string | undefined,
  path: string = process.env.PATH ?? '',
): Promise<string> {
  if (named !== undefined) {
    if (await isExecutable(named)) return named;
    throw new PerennialError(
      'TOOL_MISSING',
      `PERENNIAL_TEMPORAL_CLI names ${named}, which is not a program.`,
    );
  }
  const onPath = path.split(delimiter).map((folder) => join(folder, 'temporal'));
  for (const candidate of [
    ...onPath,
    ...(await sdkDownloads()),
    join(tools, 'temporal', 'bin', 'temporal'),
  ]) {
    if (await isExecutable(candidate)) return candidate;
  }
  throw new PerennialError(
    'TOOL_MISSING',
    'There is no `temporal` on PATH and none in .tools/. ./scripts/setup fetches one; PERENNIAL_TEMPORAL_CLI names one of your own.',
  );
}

/** The SDK keeps what it downloads as temporal-cli-sdk-typescript-<version>. */
async function sdkDownloads(): Promise<string[]> {
  const names = await readdir(tools).catch(() => []);
  return names
    .filter((name) => name.startsWith('temporal-cli-sdk-typescript-'))
    .map((name) => join(tools, name));
}

function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}
