import type Docker from 'dockerode';
import { readJob } from '../job-folder.js';
import { isTrainingKey } from '../key.js';
import { labelFilter, labelsOf, readLabels } from './container.js';
import { unavailable, unlessMissing } from './engine.js';
import { containerName } from './replicas.js';

export type FoundContainer = Docker.ContainerInspectInfo;

/** The containers of trainings, by key and rank. Nothing is remembered: the engine is asked each time. */
export function createContainers({
  engine,
  jobs,
  installation,
}: {
  engine: Docker;
  jobs: string;
  installation: string;
}) {
  /** A name that is no key would lead the client to some other address. */
  function of(key: string, rank = 0): Docker.Container {
    if (!isTrainingKey(key)) throw new RangeError(`Not the key of a training job: '${key}'`);
    return engine.getContainer(containerName(key, rank));
  }

  /** Whoever made it; null where there is none. */
  async function inspect(key: string, rank = 0): Promise<FoundContainer | null> {
    return unlessMissing(of(key, rank).inspect());
  }

  /** What there is of a job's containers, by their ranks; none of another installation's. */
  async function inspectAll(key: string): Promise<FoundContainer[]> {
    const first = await inspect(key);
    const known = first ? readLabels(first.Config.Labels) : labelsOf(await readJob(jobs, key));
    const ranks = Array.from({ length: Number(known['replicas'] ?? 1) - 1 }, (_, rank) => rank + 1);
    const others = await Promise.all(ranks.map((rank) => inspect(key, rank)));
    return [first, ...others].filter((each) => each !== null).filter(isMine);
  }

  function isMine({ Config }: FoundContainer): boolean {
    return readLabels(Config.Labels)['installation'] === installation;
  }

  /** The names of all that carry this installation's label. */
  async function listNames(): Promise<string[]> {
    const found = await engine
      .listContainers({ all: true, filters: labelFilter(installation) })
      .catch((error: unknown) => {
        throw unavailable(error);
      });
    return found.flatMap(({ Names }) => Names.map((name) => name.replace(/^\//, '')));
  }

  return { of, inspect, inspectAll, listNames };
}

export type Containers = ReturnType<typeof createContainers>;
