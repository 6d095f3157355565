/**
 * A double of a Kubernetes cluster behind the API server's own HTTP: Jobs, Pods, their logs and watches, Services. Every object that
 * reaches it is validated; each pod's container runs as a process of this machine, with a claim's folder in place of its mount.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { createJobController, type StoredJob } from './job-controller.js';
import { sendLog, sendWatch, type Faults } from './stream.js';
import { createNode, type Image, type Machine, type StoredPod } from './node.js';
import { createStore, type Stored } from './store.js';
import type { Kind } from './validate.js';

export const namespace = 'trainings';

const kinds: Record<string, Kind> = { jobs: 'Job', pods: 'Pod', services: 'Service' };
const perPage = 2;

export async function startKubernetesDouble({
  claims,
  image,
  machine = { labels: {}, gpus: 0 },
}: {
  claims: Record<string, string>;
  image: (name: string) => Image;
  machine?: Machine;
}) {
  const store = createStore();
  const faults: Faults = {
    refuse: undefined,
    cutLogs: 0,
    cutWatches: 0,
    expireWatches: 0,
    expirePages: 0,
  };
  const controller = createJobController(store, () => node);
  const node = createNode({ store, machine, claims, image, onEnd: controller.onPodEnd });
  const requests: string[] = [];

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://double');
    requests.push(`${request.method} ${url.pathname}${url.search}`);
    if (request.headers.authorization !== 'Bearer of-the-double')
      return fail(response, 401, 'Unauthorized');
    if (faults.refuse) return fail(response, ...faults.refuse);
    const route =
      /^\/(?:api\/v1|apis\/batch\/v1)\/namespaces\/([^/]+)\/(jobs|pods|services)(?:\/([^/]+))?(\/log)?$/.exec(
        url.pathname,
      );
    const [, space, plural = '', name, log] = route ?? [];
    const kind = kinds[plural];
    if (!kind || space !== namespace) return fail(response, 404, `namespaces "${space}" not found`);
    const body = request.method === 'GET' ? undefined : await json(request).catch(() => undefined);
    if (request.method === 'POST') return create(response, kind, body as Record<string, unknown>);
    if (name === undefined)
      return url.searchParams.get('watch') === 'true'
        ? sendWatch(store, kind, url, response, faults)
        : list(response, kind, url);
    const found = store.find(kind, name);
    if (!found) return fail(response, 404, `${plural} "${name}" not found`);
    if (log)
      return sendLog(found as StoredPod, node.logOf(found as StoredPod), url, response, faults);
    if (request.method === 'DELETE') remove(found, body as Deletion | undefined);
    send(response, 200, found);
  }

  function create(response: ServerResponse, kind: Kind, body: Record<string, unknown>): void {
    const { name } = body['metadata'] as { name: string };
    if (store.find(kind, name)) return fail(response, 409, `${kind} "${name}" already exists`);
    let made: Stored;
    try {
      made = store.add(kind, kind === 'Job' ? { ...body, status: {} } : body);
    } catch (error) {
      return fail(response, 422, `${kind} "${name}" is invalid: ${(error as Error).message}`);
    }
    send(response, 201, made);
    // Controllers hear of it a moment later.
    if (kind === 'Job') setTimeout(() => controller.start(made as StoredJob), 5);
  }

  function remove(found: Stored, body: Deletion | undefined): void {
    if (found.kind === 'Job') controller.remove(found as StoredJob);
    if (found.kind === 'Pod') node.remove(found as StoredPod, body?.gracePeriodSeconds ?? 30);
    if (found.kind === 'Service') store.remove(found);
  }

  function list(response: ServerResponse, kind: Kind, url: URL): void {
    const from = Number(url.searchParams.get('continue') ?? 0);
    if (from > 0 && faults.expirePages > 0) {
      faults.expirePages -= 1;
      return fail(response, 410, 'The provided continue parameter is too old');
    }
    const all = store.all(kind).filter((each) => isSelected(each, url));
    const size = url.searchParams.has('limit') ? perPage : all.length;
    const items = all.slice(from, from + size);
    const more = from + size < all.length ? { continue: String(from + size) } : {};
    send(response, 200, {
      kind: `${kind}List`,
      metadata: { resourceVersion: String(store.version()), ...more },
      items,
    });
  }

  function podsOf(key: string): StoredPod[] {
    const job = store.find<StoredJob>('Job', key);
    return job ? controller.podsOf(job) : [];
  }

  const server = createServer((request, response) => {
    void answer(request, response).catch((error: unknown) => fail(response, 500, String(error)));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;

  return {
    faults,
    requests,
    job: (key: string) => store.find<StoredJob>('Job', key),
    service: (key: string) => store.find('Service', key),
    pods: podsOf,
    setSuspended(key: string, suspend: boolean): void {
      const job = store.find<StoredJob>('Job', key);
      if (job) controller.setSuspended(job, suspend);
    },
    kill(key: string): void {
      for (const pod of podsOf(key)) node.kill(pod);
    },
    /** As a node that is drained does: says why, then ends the pod. */
    evict(key: string): void {
      for (const pod of podsOf(key)) {
        const reason = 'EvictionByEvictionAPI';
        const message = 'Eviction API: evicting';
        const condition = { type: 'DisruptionTarget', status: 'True', reason, message };
        pod.status.conditions = [...(pod.status.conditions ?? []), condition];
        store.touch(pod);
        node.remove(pod, 1);
      }
    },
    /** As somebody with kubectl. */
    deleteJob(key: string): void {
      const job = store.find<StoredJob>('Job', key);
      if (job) controller.remove(job);
    },
    addMachine(labels: Record<string, string>, gpus: number): void {
      Object.assign(machine, { labels, gpus });
      for (const pod of store.all<StoredPod>('Pod')) node.schedule(pod);
    },
    kubeconfig: {
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 'double',
      clusters: [
        {
          name: 'double',
          cluster: { server: `http://127.0.0.1:${port}`, 'insecure-skip-tls-verify': true },
        },
      ],
      users: [{ name: 'double', user: { token: 'of-the-double' } }],
      contexts: [{ name: 'double', context: { cluster: 'double', user: 'double' } }],
    },
    /** The API server goes away, the machine works on. */
    async goAway(): Promise<void> {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
    async comeBack(): Promise<void> {
      server.listen(port, '127.0.0.1');
      await once(server, 'listening');
    },
    async stop(): Promise<void> {
      await node.shutDown();
      server.closeAllConnections();
      server.close();
    },
  };
}

export type KubernetesDouble = Awaited<ReturnType<typeof startKubernetesDouble>>;

interface Deletion {
  gracePeriodSeconds?: number;
}

export function isSelected({ metadata }: Stored, url: URL): boolean {
  const selector = url.searchParams.get('labelSelector') ?? '';
  return selector
    .split(',')
    .filter(Boolean)
    .every((term) => {
      const [name = '', value] = term.split('=');
      return metadata.labels?.[name] === value;
    });
}

export function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}

export function fail(response: ServerResponse, code: number, message: string): void {
  send(response, code, { kind: 'Status', apiVersion: 'v1', status: 'Failure', message, code });
}
