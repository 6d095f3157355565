import { join } from 'node:path';
import type { ArtifactStore } from '../artifacts.js';
import type { Config } from '../config.js';
import { createFolderArtifacts } from './folder.js';

/** The store that PERENNIAL_ARTIFACTS names. */
export async function openArtifacts(
  config: Pick<Config, 'artifacts' | 's3Endpoint' | 'home'>,
): Promise<ArtifactStore> {
  if (!config.artifacts.startsWith('s3://')) return createFolderArtifacts(config.artifacts);
  const { hostname: bucket, pathname } = new URL(config.artifacts);
  // Loaded only where it is used: the AWS SDK takes a third of a second.
  const { createS3Artifacts } = await import('./s3.js');
  return createS3Artifacts({
    bucket,
    prefix: pathname.replaceAll(/^\/+|\/+$/g, ''),
    cache: join(config.home, 'artifact-cache'),
    // Stores other than AWS have no regions, but the signature wants one.
    ...(config.s3Endpoint !== undefined && {
      endpoint: config.s3Endpoint,
      forcePathStyle: true,
      region: 'us-east-1',
    }),
  });
}
