import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { IRole } from 'kubernetes-models/rbac.authorization.k8s.io/v1';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { parseAllDocuments } from 'yaml';
import type { TrainingJob } from '../../../contracts/training.js';
import type { ArtifactStore } from '../../../runtime/artifacts.js';
import type { TrainingBackend } from '../../../training/backend.js';
import { jobFolder } from '../../../training/job-folder.js';
import { temporaryArtifacts, temporaryFolder } from '../../support/artifacts.js';
import { scriptedJob } from '../job.js';
import { digest, openDouble, type WorldOfDouble } from './double/open.js';
import { readAll, readRank, untilExited, untilSaid } from '../watching.js';

describe('A training on Kubernetes', () => {
  let folder: string;
  let artifacts: ArtifactStore;
  let world: WorldOfDouble;
  let backend: TrainingBackend;
  let delivery = 2_000;
  const given = async (script: string, changes: Partial<TrainingJob> = {}) => ({
    ...(await scriptedJob(artifacts, script, { delivery: ++delivery })),
    ...changes,
  });
  // A busy machine may take its time.
  const soon = { timeout: 20_000 };
  const untilWaiting = (key: string, reason: RegExp) =>
    vi.waitFor(async () => {
      const waiting = { state: 'waiting', reason: expect.stringMatching(reason) as string };
      expect(await backend.status(key)).toMatchObject(waiting);
    }, soon);

  beforeAll(async () => {
    folder = await temporaryFolder();
    artifacts = await temporaryArtifacts();
    world = await openDouble(folder, artifacts);
    backend = world.open();
  });
  afterAll(() => world.double.stop());

  it('waits in its queue, gives way to a more urgent one, and goes on where it was', async () => {
    const job = await given('say=begun obey await=gate say=done exit=0');
    await world.open({ queue: 'team-a' }).submit(job);
    expect(await backend.status(job.key)).toMatchObject({ state: 'waiting' });
    world.double.setSuspended(job.key, false);
    await untilSaid(backend, job.key, 'begun');
    world.double.setSuspended(job.key, true);
    await untilWaiting(job.key, /queue/);
    await writeFile(join(backend.root(job.key), 'gate'), '');
    world.double.setSuspended(job.key, false);
    expect(await untilExited(backend, job.key)).toMatchObject({ code: 0 });
    expect(await readAll(backend, job.key)).toEqual(['begun', 'begun', 'done']);
  });

  it('may report to an API that its pods reach, with a token in its folder', async () => {
    const progressDoor = {
      url: 'http://perennial.example:7280',
      issueToken: () => Promise.resolve('a-token'),
    };
    const job = await given('environment exit=0');
    await world.open({ progressDoor }).submit(job);
    await untilExited(backend, job.key);
    const told = (await readAll(backend, job.key)).join('');
    expect(told).toContain(`http://perennial.example:7280/api/v1/trainings/${job.key}/progress`);
    expect(told).toContain('input/config/progress-token');
    expect(told).not.toContain('a-token');
    const file = join(backend.root(job.key), 'input', 'config', 'progress-token');
    expect(await readFile(file, 'utf8')).toBe('a-token');
  });

  it('is taken out of its queue by cancel, and never starts', async () => {
    const job = await given('exit=0');
    await world.open({ queue: 'team-a' }).submit(job);
    await backend.cancel(job.key, 0);
    expect(world.double.job(job.key)).toBeUndefined();
    expect(await backend.status(job.key)).toMatchObject({
      state: 'exited',
      code: 143,
      reason: 'Stopped before it began.',
    });
  });

  it('waits for a GPU that no machine has, says so, and runs when one comes', async () => {
    const gpus = { class: 'a10', count: 1 };
    const job = await given('variable=PERENNIAL_GPUS exit=0', { resources: { gpus } });
    await backend.submit(job);
    await untilWaiting(job.key, /Unschedulable: .*node affinity/);
    world.double.addMachine({ 'perennial/gpu-class': 'a10' }, 0);
    await untilWaiting(job.key, /Insufficient nvidia\.com\/gpu/);
    world.double.addMachine({ 'perennial/gpu-class': 'a10' }, 1);
    expect(await untilExited(backend, job.key)).toMatchObject({ code: 0 });
    expect(await readAll(backend, job.key)).toEqual(['PERENNIAL_GPUS 1']);
  });

  it('is to be tried again when its machine is drained, and says why', async () => {
    const job = await given('obey say=ready forever');
    await backend.submit(job);
    await untilSaid(backend, job.key, 'ready');
    world.double.evict(job.key);
    expect(await untilExited(backend, job.key)).toMatchObject({
      code: 143,
      reason: expect.stringContaining('DisruptionTarget') as string,
    });
  });

  it('says that memory ran out where it did', async () => {
    const job = await given('hog=200 exit=0', { resources: { memory: '64Mi' } });
    await backend.submit(job);
    expect(await untilExited(backend, job.key)).toMatchObject({ code: 137, outOfMemory: true });
  });

  it('is to be tried again when somebody deleted its Job, by nobody but its workflow', async () => {
    const job = await given('obey say=ready forever');
    await backend.submit(job);
    await untilSaid(backend, job.key, 'ready');
    world.double.deleteJob(job.key);
    // As the Job's last words, where they were still read, or because it is gone.
    expect([137, 143]).toContain((await untilExited(backend, job.key)).code);
    await vi.waitFor(() => expect(world.double.job(job.key)).toBeUndefined(), soon);
    expect(await backend.submit(job)).toEqual({ adopted: true });
    expect(world.double.job(job.key)).toBeUndefined();
  });

  it('is started by the next submit when its worker died before it had asked for it', async () => {
    const job = await given('say=here exit=0');
    await backend.submit(job);
    await untilExited(backend, job.key);
    await backend.cancel(job.key, 0);
    world.double.deleteJob(job.key);
    const { exit, launch, log } = jobFolder(join(folder, 'jobs'), job.key);
    for (const file of [exit, launch, log(0), join(exit, '../log-position.json')])
      await rm(file, { force: true });
    await vi.waitFor(() => expect(world.double.job(job.key)).toBeUndefined(), soon);
    expect(await backend.status(job.key)).toEqual({ state: 'gone' });
    expect(await backend.submit(job)).toEqual({ adopted: false });
    await untilExited(backend, job.key);
    expect(await readAll(backend, job.key)).toEqual(['here']);
  });

  it('waits for a registry that is away, and says so', async () => {
    const job = await given('exit=0', { image: `unreachable@${digest}` });
    await world.open({ settleMs: 300 }).submit(job);
    await untilWaiting(job.key, /i\/o timeout/);
    await backend.cancel(job.key, 0);
    expect(await backend.status(job.key)).toMatchObject({ state: 'exited', code: 143 });
  });

  it('ends a job whose image turns out to be nowhere after a long way through the queue', async () => {
    const job = await given('exit=0', { image: `missing@${digest}` });
    await world.open({ queue: 'team-a' }).submit(job);
    world.double.setSuspended(job.key, false);
    expect(await untilExited(backend, job.key)).toMatchObject({
      code: 78,
      reason: expect.stringContaining(`missing@${digest}`) as string,
    });
    expect(world.double.job(job.key)).toBeUndefined();
  });

  it('repeats the words of a cluster that does not take it, and leaves nothing half done', async () => {
    const job = await given('exit=0');
    const odd = world.open({ installation: '-odd-' });
    await expect(odd.submit(job)).rejects.toMatchObject({
      code: 'PLACEMENT_FAILED',
      message: expect.stringContaining('perennial/installation=-odd-') as string,
    });
    expect(await odd.status(job.key)).toEqual({ state: 'gone' });
  });

  it('says what a worker without rights is missing', async () => {
    const message = 'jobs.batch is forbidden: User "x" cannot create resource "jobs"';
    world.double.faults.refuse = [403, message];
    try {
      await expect(backend.submit(await given('exit=0'))).rejects.toMatchObject({
        code: 'CONFIG_INVALID',
        message: expect.stringContaining(message) as string,
      });
    } finally {
      world.double.faults.refuse = undefined;
    }
  });

  it('is not taken for a job of ours because of its name', async () => {
    const job = await given('exit=0');
    await backend.submit(job);
    await untilExited(backend, job.key);
    const elsewhere = world.open({ jobs: join(folder, 'elsewhere'), installation: 'other' });
    await mkdir(join(folder, 'elsewhere'));
    await expect(elsewhere.submit(job)).rejects.toMatchObject({ code: 'JOB_KEY_TAKEN' });
    expect(await elsewhere.status(job.key)).toEqual({ state: 'gone' });
    await elsewhere.cancel(job.key, 0);
    await elsewhere.remove(job.key);
    expect(world.double.job(job.key)).toBeDefined();
  });

  it('loses no line and repeats none when its log is cut off again and again', async () => {
    const job = await given('lines=3000 bytes=656e64 exit=0');
    await backend.submit(job);
    await untilExited(backend, job.key);
    world.double.faults.cutLogs = 5;
    const lines = await vi.waitFor(async () => {
      const all = await readAll(backend, job.key);
      expect(all.at(-1)).toBe('end');
      return all;
    }, soon);
    expect(lines).toHaveLength(3_001);
    expect(new Set(lines).size).toBe(3_001);
  });

  it('is stopped, and its end known, over watches that break or start too late', async () => {
    const job = await given('obey say=ready forever');
    await backend.submit(job);
    await untilSaid(backend, job.key, 'ready');
    Object.assign(world.double.faults, { cutWatches: 2, expireWatches: 2 });
    await backend.cancel(job.key, 10_000);
    expect(await backend.status(job.key)).toMatchObject({ state: 'exited', code: 143 });
  });

  it('is listed with all the others, page by page, also when a page is too old', async () => {
    world.double.faults.expirePages = 1;
    const keys = (await backend.list()).map(({ key }) => key);
    expect(world.double.faults.expirePages).toBe(0);
    expect(new Set(keys).size).toBe(keys.length);
    expect(keys.length).toBeGreaterThan(5);
  });

  it('runs as several replicas that know their rank and meet through a service', async () => {
    const job = await given('variable=RANK variable=MASTER_ADDR exit=0', { replicas: 3 });
    await backend.submit(job);
    expect(world.double.service(job.key)).toBeDefined();
    expect(await untilExited(backend, job.key)).toMatchObject({ code: 0 });
    for (const rank of [0, 1, 2])
      expect(await readRank(backend, job.key, rank)).toEqual([
        `RANK ${rank}`,
        `MASTER_ADDR ${job.key}-0.${job.key}`,
      ]);
    await backend.remove(job.key);
    expect(world.double.service(job.key)).toBeUndefined();
  });

  it('ends as a whole when one replica fails, and says which', async () => {
    const job = await given('obey break-as=2 forever', { replicas: 3 });
    await backend.submit(job);
    expect(await untilExited(backend, job.key)).toMatchObject({
      code: 65,
      reason: 'Replica 2 ended with exit code 65, and so all were ended.',
    });
  });

  it('asks a cluster that many share no more often than it was told', async () => {
    const patient = world.open({ lookEvery: 60_000 });
    const job = await given('say=begun await=gate exit=0');
    await patient.submit(job);
    await untilSaid(backend, job.key, 'begun');
    await patient.status(job.key);
    await patient.logs(job.key, []);
    const asked = world.double.requests.length;
    expect(await patient.status(job.key)).toMatchObject({ state: 'running' });
    expect((await patient.logs(job.key, [])).lines).toHaveLength(1);
    expect(world.double.requests).toHaveLength(asked);
    await backend.cancel(job.key, 1_000);
    expect(await patient.status(job.key)).toMatchObject({ state: 'exited' });
  });

  // Last: all the others have asked for what they need by now.
  it('asks for exactly what its role in deploy/kubernetes allows', async () => {
    const asked = new Set(world.double.requests.map(rightOf));
    expect([...asked].toSorted()).toEqual((await rightsOfRole()).toSorted());
  });
});

const verbs = { POST: 'create', GET: 'get', DELETE: 'delete' };

/** The right that RBAC wants for a request, as `verb resource`. */
function rightOf(request: string): string {
  const [method = '', address = ''] = request.split(' ');
  const { pathname, searchParams } = new URL(address, 'http://double');
  const [resource, name, below] = pathname.split('/namespaces/')[1]?.split('/').slice(1) ?? [];
  const verb = verbs[method as keyof typeof verbs];
  if (name !== undefined) return `${verb} ${[resource, below].filter(Boolean).join('/')}`;
  const watching = searchParams.get('watch') === 'true';
  return `${verb !== 'get' ? verb : watching ? 'watch' : 'list'} ${resource}`;
}

async function rightsOfRole(): Promise<string[]> {
  const file = new URL('../../../deploy/kubernetes/training.yaml', import.meta.url);
  const documents = parseAllDocuments(await readFile(file, 'utf8'));
  const role = documents.map((each) => each.toJS() as IRole).find(({ kind }) => kind === 'Role');
  return (role?.rules ?? []).flatMap(({ resources = [], verbs: allowed }) =>
    resources.flatMap((resource) => allowed.map((verb) => `${verb} ${resource}`)),
  );
}
