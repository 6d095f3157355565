import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { NetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1';
import { Role, RoleBinding } from 'kubernetes-models/rbac.authorization.k8s.io/v1';
import { ConfigMap, Namespace, PersistentVolumeClaim, ServiceAccount } from 'kubernetes-models/v1';
import { expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { loadConfig } from '../../../runtime/config.js';
import { loadPlacement } from '../../../training/kubernetes/placement.js';

const schemas = {
  ConfigMap,
  Namespace,
  NetworkPolicy,
  PersistentVolumeClaim,
  Role,
  RoleBinding,
  ServiceAccount,
};
const deploy = (name: string) =>
  fileURLToPath(new URL(`../../deploy/kubernetes/${name}`, import.meta.url));

async function deployed() {
  const documents = parseAllDocuments(await readFile(deploy('training.yaml'), 'utf8'));
  return documents.map(
    (each) => each.toJS() as { kind: keyof typeof schemas; data?: Record<string, string> },
  );
}

it('deploys only what the published schemas allow', async () => {
  const objects = await deployed();
  for (const object of objects) new schemas[object.kind](object as never).validate();
  expect(objects.map(({ kind }) => kind).toSorted()).toEqual(Object.keys(schemas).toSorted());
});

it('gives the training workers settings that they understand, GPUs among them', async () => {
  const settings = (await deployed()).find(({ kind }) => kind === 'ConfigMap')?.data;
  expect(loadConfig(settings)).toMatchObject({
    training: 'kubernetes',
    gpus: [{ class: 'a10' }, { class: 'h100' }],
  });
});

it('shows a placement that is read as it is written', async () => {
  expect(await loadPlacement(deploy('placement.yaml'))).toMatchObject({
    nodeSelector: { pool: 'training' },
    secrets: ['warehouse-reader'],
    priorityClass: 'training',
  });
});
