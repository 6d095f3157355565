import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { TrainingJob } from '../../../contracts/training.js';
import {
  jobManifest,
  serviceManifest,
  type Surroundings,
} from '../../../training/kubernetes/manifest.js';
import { loadPlacement, placement } from '../../../training/kubernetes/placement.js';
import { temporaryFolder } from '../../support/artifacts.js';
import { validateObject } from './double/validate.js';

const rows = { uri: 'rows', sha256: 'a'.repeat(64), bytes: 4, schemaVersion: 1 };
const job: TrainingJob = {
  key: 'perennial-0123456789ab-1',
  model: 'late-flights',
  delivery: 7,
  attempt: 1,
  trainer: '/trainers/tabular',
  hyperparameters: {},
  seed: 1,
  features: [],
  channels: { train: rows, holdout: rows },
  labels: { installation: 'test', spec: `sha256:${'b'.repeat(64)}` },
};
const around: Surroundings = {
  installation: 'test',
  image: `registry.example/trainer@sha256:${'0'.repeat(64)}`,
  claim: 'trainings',
  queue: undefined,
  placement: placement.parse({}),
  user: 10_001,
};

function podOf(changes: Partial<TrainingJob> = {}, surroundings: Partial<Surroundings> = {}) {
  const made = jobManifest({ ...job, ...changes }, { ...around, ...surroundings });
  validateObject('Job', structuredClone(made) as unknown as Record<string, unknown>);
  const spec = made.spec?.template.spec;
  const [container] = spec?.containers ?? [];
  if (!spec || !container) throw new Error('No container');
  return { made, spec, container };
}

describe('The Job of a training', () => {
  it('is the same for the same attempt, whoever makes it', () => {
    expect(jobManifest(job, around)).toEqual(jobManifest(structuredClone(job), around));
  });

  it('is started once: nobody but Temporal tries again', () => {
    expect(podOf().made.spec).toMatchObject({ backoffLimit: 0, parallelism: 1, completions: 1 });
    expect(podOf().spec.restartPolicy).toBe('Never');
  });

  it('gives the trainer no right, no token and no root file system to write', () => {
    const { spec, container } = podOf();
    expect(spec).toMatchObject({
      automountServiceAccountToken: false,
      securityContext: {
        runAsNonRoot: true,
        runAsUser: 10_001,
        seccompProfile: { type: 'RuntimeDefault' },
      },
    });
    expect(container.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
  });

  it('mounts its own folder of the claim and no other', () => {
    const { spec, container } = podOf();
    expect(container.volumeMounts).toContainEqual({
      name: 'ml',
      mountPath: '/opt/ml',
      subPath: 'jobs/perennial-0123456789ab-1/ml',
    });
    expect(spec.volumes).toContainEqual({
      name: 'ml',
      persistentVolumeClaim: { claimName: 'trainings' },
    });
  });

  it('asks for resources and limits itself to them', () => {
    const resources = {
      cpus: 1.5,
      memory: '4Gi',
      sharedMemory: '1Gi',
      gpus: { class: 'a10', count: 2 },
    };
    const { spec, container } = podOf({ resources });
    const asked = { cpu: '1500m', memory: '4Gi', 'nvidia.com/gpu': '2' };
    expect(container.resources).toEqual({ requests: asked, limits: asked });
    expect(spec.volumes).toContainEqual({
      name: 'shm',
      emptyDir: { medium: 'Memory', sizeLimit: '1Gi' },
    });
    expect(container.env).toContainEqual({ name: 'PERENNIAL_GPUS', value: '2' });
  });

  it('goes to the machines of its GPU class, which others are kept from', () => {
    const given = placement.parse({
      gpuLabel: 'example.com/gpu',
      nodeSelector: { pool: 'training' },
      tolerations: [{ key: 'pool', value: 'training', effect: 'NoSchedule' }],
    });
    const gpus = { class: 'a10', count: 1 };
    const { spec } = podOf({ resources: { gpus } }, { placement: given });
    expect(spec.nodeSelector).toEqual({ pool: 'training', 'example.com/gpu': 'a10' });
    expect(spec.tolerations).toEqual([
      { key: 'pool', operator: 'Equal', value: 'training', effect: 'NoSchedule' },
      { key: 'nvidia.com/gpu', operator: 'Exists', effect: 'NoSchedule' },
    ]);
  });

  it('waits in a queue of Kueue where there is one', () => {
    const queue = 'team-a';
    const urgent = placement.parse({ priorityClass: 'urgent' });
    const made = jobManifest(job, { ...around, queue, placement: urgent });
    expect(made.spec?.suspend).toBe(true);
    expect(made.metadata?.labels).toMatchObject({
      'kueue.x-k8s.io/queue-name': 'team-a',
      'kueue.x-k8s.io/priority-class': 'urgent',
    });
    expect(podOf().made.spec?.suspend).toBeUndefined();
    expect(Object.keys(podOf().made.metadata?.labels ?? {}).join()).not.toContain('kueue');
  });

  it('tells each of several replicas its rank, as torchrun does', () => {
    const { made, spec, container } = podOf({ replicas: 4 });
    expect(made.spec).toMatchObject({
      completionMode: 'Indexed',
      completions: 4,
      parallelism: 4,
    });
    expect(spec.subdomain).toBe(job.key);
    const env = Object.fromEntries((container.env ?? []).map((each) => [each.name, each]));
    expect(env['MASTER_ADDR']?.value).toBe(`${job.key}-0.${job.key}`);
    expect(env['WORLD_SIZE']?.value).toBe('4');
    expect(env['LOCAL_RANK']?.value).toBe('0');
    expect(env['RANK']?.valueFrom?.fieldRef?.fieldPath).toContain('job-completion-index');
    const names = container.env?.map(({ name }) => name) ?? [];
    expect(env['PERENNIAL_ML_ROOT']?.value).toBe('/opt/ml/replicas/$(RANK)');
    expect(names.indexOf('RANK')).toBeLessThan(names.indexOf('PERENNIAL_ML_ROOT'));
    expect(podOf().container.env?.map(({ name }) => name)).not.toContain('RANK');
  });

  it('comes with a service through which its replicas meet, and which goes with it', () => {
    const service = serviceManifest(job, 'test', 'a-uid');
    validateObject('Service', structuredClone(service) as unknown as Record<string, unknown>);
    expect(service.spec).toMatchObject({
      clusterIP: 'None',
      publishNotReadyAddresses: true,
      selector: { 'batch.kubernetes.io/job-name': job.key },
    });
    expect(service.metadata?.ownerReferences).toMatchObject([{ kind: 'Job', uid: 'a-uid' }]);
  });

  it('names secrets and never holds them', () => {
    const given = placement.parse({ secrets: ['warehouse'], pullSecrets: ['registry'] });
    const { spec, container } = podOf({}, { placement: given });
    expect(container.envFrom).toEqual([{ secretRef: { name: 'warehouse' } }]);
    expect(spec.imagePullSecrets).toEqual([{ name: 'registry' }]);
  });

  it("sets the job's variables, and the contract's own against them", () => {
    const environment = { TRACEPARENT: '00-abc', PERENNIAL_ML_ROOT: '/elsewhere' };
    const { env = [] } = podOf({ environment }).container;
    expect(env).toContainEqual({ name: 'TRACEPARENT', value: '00-abc' });
    expect(env.filter(({ name }) => name === 'PERENNIAL_ML_ROOT')).toEqual([
      { name: 'PERENNIAL_ML_ROOT', value: '/opt/ml' },
    ]);
  });
});

describe('The double of the API server', () => {
  const refused = (change: (made: ReturnType<typeof jobManifest>) => void) => {
    const made = jobManifest(job, around);
    change(made);
    return () => validateObject('Job', made as unknown as Record<string, unknown>);
  };

  it('refuses what the published schemas do not allow', () => {
    const wrong = refused((made) => Object.assign(made.spec ?? {}, { completions: '2' }));
    expect(wrong).toThrow(/must be integer/);
  });

  it('refuses a field that nobody knows', () => {
    const wrong = refused((made) =>
      Object.assign(made.spec?.template.spec ?? {}, { nodSelector: {} }),
    );
    expect(wrong).toThrow(/unknown field "Job.spec.template.spec.nodSelector"/);
  });

  it('refuses a value that is no label', () => {
    const wrong = refused((made) =>
      Object.assign(made.metadata?.labels ?? {}, { spec: 'sha256:b' }),
    );
    expect(wrong).toThrow(/labels/);
  });
});

describe('The file of placement', () => {
  it('may be left out', async () => {
    expect(await loadPlacement(undefined)).toEqual(placement.parse({}));
  });

  it('is named when it cannot be read', async () => {
    await expect(loadPlacement('/nowhere/placement.yaml')).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining('/nowhere/placement.yaml') as string,
    });
  });

  it.each([
    ['is not YAML', 'tolerations: [', /is not YAML/],
    ['holds no keys', 'anywhere', /at top: /],
    ['has a key that there is not', 'nodeSelectors: {}', /at top: .*nodeSelectors/],
    [
      'tolerates as nothing does',
      'tolerations: [{ effect: Never }]',
      /at tolerations\.0\.effect: /,
    ],
    ['names a secret that can be none', 'secrets: [My_Secret]', /at secrets\.0: /],
  ])('is refused with the place when it %s', async (_, content, words) => {
    const file = join(await temporaryFolder(), 'placement.yaml');
    await writeFile(file, content);
    await expect(loadPlacement(file)).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringMatching(words) as string,
    });
  });
});
