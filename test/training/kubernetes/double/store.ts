/** The API server's memory: objects by kind and name, each change numbered and told to who watches. */
import { randomUUID } from 'node:crypto';
import { validateObject, type Kind } from './validate.js';

export interface Stored {
  kind: Kind;
  metadata: {
    name: string;
    uid: string;
    resourceVersion: string;
    creationTimestamp: string;
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
    deletionTimestamp?: string;
    deletionGracePeriodSeconds?: number;
  };
}

export interface Change {
  type: 'ADDED' | 'MODIFIED' | 'DELETED';
  version: number;
  object: Stored;
}

export function createStore() {
  const objects = new Map<string, Stored>();
  const changes: Change[] = [];
  const watchers = new Set<(change: Change) => void>();
  let version = 0;
  const id = (kind: Kind, name: string) => `${kind}/${name}`;

  function tell(type: Change['type'], object: Stored): void {
    object.metadata.resourceVersion = String(++version);
    const change = { type, version, object: structuredClone(object) };
    changes.push(change);
    for (const watcher of watchers) watcher(change);
  }

  return {
    version: () => version,
    find: <T extends Stored>(kind: Kind, name: string) =>
      objects.get(id(kind, name)) as T | undefined,
    all: <T extends Stored>(kind: Kind) =>
      [...objects.values()].filter((each) => each.kind === kind) as T[],
    /** Throws what the API server would answer 422 with. */
    add<T extends Stored>(kind: Kind, given: Record<string, unknown>): T {
      validateObject(kind, given);
      const object = structuredClone(given) as unknown as T;
      object.metadata.uid = randomUUID();
      object.metadata.creationTimestamp = now();
      objects.set(id(kind, object.metadata.name), object);
      tell('ADDED', object);
      return object;
    },
    touch(object: Stored): void {
      if (objects.get(id(object.kind, object.metadata.name)) !== object) return;
      validateObject(object.kind, object as unknown as Record<string, unknown>);
      tell('MODIFIED', object);
    },
    remove(object: Stored): void {
      if (objects.delete(id(object.kind, object.metadata.name))) tell('DELETED', object);
    },
    /** What happened after `since`, then what happens; returns how to stop. */
    watch(kind: Kind, since: number, watcher: (change: Change) => void): () => void {
      const mine = (change: Change) => {
        if (change.object.kind === kind) watcher(change);
      };
      for (const change of changes.filter((each) => each.version > since)) mine(change);
      watchers.add(mine);
      return () => watchers.delete(mine);
    },
  };
}

export type Store = ReturnType<typeof createStore>;

/** To the second, as Kubernetes writes times. */
export function now(): string {
  return new Date().toISOString().replace(/\.\d+/, '');
}
