/** Scheduler and kubelet of the double's one machine: each pod's container runs as a process of this one. */
import { join } from 'node:path';
import { stat } from 'node:fs/promises';
import type { IPod } from 'kubernetes-models/v1';
import { bytes } from '../../../../contracts/resources.js';
import { runContainer, type Container, type Ending } from './container.js';
import { now, type Store, type Stored } from './store.js';

export type StoredPod = Stored & Required<Pick<IPod, 'spec' | 'status'>>;

export interface Machine {
  labels: Record<string, string>;
  gpus: number;
}

/** What an image is: the command of its entry point, not in the registry, or in one that does not answer. */
export type Image = { command: string[] } | 'missing' | 'unreachable';

export function createNode({
  store,
  machine,
  claims,
  image,
  onEnd,
}: {
  store: Store;
  machine: Machine;
  /** Folders of the machine by the name of the claim. */
  claims: Record<string, string>;
  image: (name: string) => Image;
  onEnd: (pod: StoredPod) => void;
}) {
  const containers = new Map<string, Container>();

  function schedule(pod: StoredPod): void {
    if (pod.metadata.deletionTimestamp || containers.has(pod.metadata.uid)) return;
    const missing = whatIsMissing(pod, machine);
    const condition = {
      type: 'PodScheduled',
      status: missing ? 'False' : 'True',
      lastTransitionTime: now(),
      ...(missing
        ? { reason: 'Unschedulable', message: `0/1 nodes are available: 1 ${missing}.` }
        : {}),
    };
    pod.status = { phase: 'Pending', conditions: [condition] };
    store.touch(pod);
    if (!missing) void start(pod);
  }

  async function start(pod: StoredPod): Promise<void> {
    const [wanted] = pod.spec.containers;
    if (!wanted) return;
    const found = image(wanted.image ?? '');
    if (typeof found === 'string') {
      const why = found === 'missing' ? 'not found' : 'dial tcp: i/o timeout';
      setState(pod, {
        waiting: {
          reason: 'ErrImagePull',
          message: `failed to pull and unpack image "${wanted.image}": ${why}`,
        },
      });
      return;
    }
    const paths = new Map<string, string>();
    for (const mount of wanted.volumeMounts ?? []) {
      const claim = pod.spec.volumes?.find(
        ({ name }) => name === mount.name,
      )?.persistentVolumeClaim;
      if (!claim) continue;
      const folder = join(claims[claim.claimName] ?? '/nowhere', mount.subPath ?? '');
      const there = await stat(folder).catch(() => null);
      // A real kubelet would make it: a folder nobody laid out is a mistake of ours.
      if (!there) throw new Error(`There is no ${folder} on the claim ${claim.claimName}`);
      paths.set(mount.mountPath, folder);
    }
    const local = (text: string) => {
      for (const [inside, outside] of paths)
        if (text === inside || text.startsWith(`${inside}/`))
          return outside + text.slice(inside.length);
      return text;
    };
    const env: Record<string, string> = {};
    for (const { name, value, valueFrom } of wanted.env ?? [])
      env[name] = local(
        // A variable may name those before it.
        value?.replaceAll(/\$\((\w+)\)/g, (whole, other: string) => env[other] ?? whole) ??
          fieldOf(pod, valueFrom?.fieldRef?.fieldPath ?? ''),
      );
    if (pod.metadata.deletionTimestamp) return finish(pod, undefined);
    const memory = wanted.resources?.limits?.['memory'];
    const container = runContainer({
      command: (wanted.command ?? found.command).map(local),
      env: { PATH: process.env['PATH'] ?? '', ...env },
      cwd: '/tmp',
      memory: memory === undefined ? undefined : bytes(String(memory)),
    });
    containers.set(pod.metadata.uid, container);
    const startedAt = now();
    setState(pod, { running: { startedAt } });
    const ending = await container.ended;
    finish(pod, { ...ending, startedAt });
  }

  function finish(pod: StoredPod, ending: (Ending & { startedAt: string }) | undefined): void {
    pod.status.phase = ending?.exitCode === 0 ? 'Succeeded' : 'Failed';
    if (ending) setState(pod, { terminated: { ...ending, finishedAt: now() } });
    else store.touch(pod);
    onEnd(pod);
    if (pod.metadata.deletionTimestamp) store.remove(pod);
  }

  function setState(pod: StoredPod, state: object): void {
    const [container] = pod.spec.containers;
    if ('running' in state) pod.status.phase = 'Running';
    pod.status.containerStatuses = [
      {
        name: container?.name ?? '',
        image: container?.image ?? '',
        imageID: '',
        ready: 'running' in state,
        restartCount: 0,
        state,
      },
    ];
    store.touch(pod);
  }

  return {
    schedule,
    /** As DELETE of a pod does: at once where nothing runs or nothing is to be waited for. */
    remove(pod: StoredPod, graceSeconds: number): void {
      const container = containers.get(pod.metadata.uid);
      container?.stop(graceSeconds * 1_000);
      const running = container !== undefined && pod.status.phase === 'Running';
      pod.metadata.deletionTimestamp = now();
      pod.metadata.deletionGracePeriodSeconds = graceSeconds;
      store.touch(pod);
      if (!running || graceSeconds === 0) {
        if (pod.status.phase === 'Pending') onEnd(pod);
        store.remove(pod);
      }
    },
    kill: (pod: StoredPod) => containers.get(pod.metadata.uid)?.kill(),
    logOf: (pod: StoredPod) => containers.get(pod.metadata.uid)?.log,
    async shutDown(): Promise<void> {
      for (const container of containers.values()) container.stop(0);
      await Promise.all([...containers.values()].map(({ ended }) => ended));
    },
  };
}

export type Node = ReturnType<typeof createNode>;

function whatIsMissing({ spec }: StoredPod, { labels, gpus }: Machine): string | undefined {
  const wrong = Object.entries(spec.nodeSelector ?? {}).some(
    ([name, value]) => labels[name] !== value,
  );
  if (wrong) return "node(s) didn't match Pod's node affinity/selector";
  const asked = Number(spec.containers[0]?.resources?.limits?.['nvidia.com/gpu'] ?? 0);
  return asked > gpus ? 'Insufficient nvidia.com/gpu' : undefined;
}

function fieldOf(pod: StoredPod, path: string): string {
  const [, name] = /^metadata\.annotations\['(.+)'\]$/.exec(path) ?? [];
  return pod.metadata.annotations?.[name ?? ''] ?? '';
}
