import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { loadConfig } from '../../../runtime/config.js';
import { openCluster } from '../../../training/kubernetes/cluster.js';
import { openBackend } from '../../../workers/backend.js';
import { temporaryArtifacts, temporaryFolder } from '../../support/artifacts.js';

it('names the setting that Kubernetes cannot do without', async () => {
  const config = loadConfig({ PERENNIAL_TRAINING: 'kubernetes' });
  await expect(openBackend(config, await temporaryArtifacts())).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    message: expect.stringContaining('PERENNIAL_KUBERNETES_CLAIM') as string,
  });
});

it('names the context that the kubeconfig does not know', async () => {
  const file = join(await temporaryFolder(), 'kubeconfig');
  const empty = { apiVersion: 'v1', kind: 'Config', clusters: [], users: [], contexts: [] };
  await writeFile(file, JSON.stringify(empty));
  process.env['KUBECONFIG'] = file;
  await expect(openCluster({ context: 'elsewhere', namespace: 'x' })).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    message: expect.stringContaining("'elsewhere'") as string,
  });
});

it('says that a kubeconfig is not there', async () => {
  process.env['KUBECONFIG'] = '/nowhere/kubeconfig';
  await expect(openCluster({ namespace: 'x' })).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
});
