import { join } from 'node:path';
import { PerennialError } from '../contracts/errors.js';
import type { ArtifactStore } from '../runtime/artifacts.js';
import { isLoopback, type Config } from '../runtime/config.js';
import type { TrainingBackend } from '../training/backend.js';
import { createProcessBackend } from '../training/process/backend.js';
import type { ProgressDoor } from '../training/progress-door.js';

/**
 * The backend that PERENNIAL_TRAINING names. With a way to issue tokens, trainings that reach the control API may report to it.
 * Throws CONFIG_INVALID. Each backend's client is loaded where it is used: a process needs neither engine nor cluster.
 */
export async function openBackend(
  config: Config,
  artifacts: ArtifactStore,
  reporting?: Pick<ProgressDoor, 'issueToken'>,
): Promise<TrainingBackend> {
  const { url, caFile } = config.api;
  const door = reporting && url !== undefined ? { url, caFile, ...reporting } : undefined;
  // Loopback leads a container to itself, unless it shares the network of its host.
  const doorBeyond = door && !isLoopback(new URL(door.url).hostname) ? door : undefined;
  const doorOf = (network: string) => {
    if (network === 'none') return undefined;
    return network === 'host' ? door : doorBeyond;
  };
  const { installation } = config;
  const jobs = join(config.home, 'jobs');
  switch (config.training) {
    case 'docker': {
      const { createDockerBackend } = await import('../training/docker/backend.js');
      const { connectEngine } = await import('../training/docker/engine.js');
      return createDockerBackend({
        engine: connectEngine(config.docker.host),
        jobs,
        installation,
        artifacts,
        image: config.trainerImage,
        network: config.docker.network,
        progressDoor: doorOf(config.docker.network),
      });
    }
    case 'kubernetes': {
      const { claim, queue, placement, context, namespace } = config.kubernetes;
      if (claim === undefined)
        throw new PerennialError(
          'CONFIG_INVALID',
          'PERENNIAL_KUBERNETES_CLAIM is not set: it names the claim that pods find their job’s folder on.',
        );
      const { createKubernetesBackend } = await import('../training/kubernetes/backend.js');
      const { openCluster } = await import('../training/kubernetes/cluster.js');
      const { loadPlacement } = await import('../training/kubernetes/placement.js');
      return createKubernetesBackend({
        cluster: await openCluster({ context, namespace }),
        jobs,
        installation,
        artifacts,
        claim,
        queue,
        placement: await loadPlacement(placement),
        image: config.trainerImage,
        progressDoor: doorBeyond,
      });
    }
    case 'process':
      if (config.trainerPython === undefined)
        throw new PerennialError(
          'CONFIG_INVALID',
          'PERENNIAL_TRAINER_PYTHON is not set: it names the Python interpreter that trainings run with.',
        );
      return createProcessBackend({
        jobs,
        python: config.trainerPython,
        installation,
        artifacts,
        progressDoor: door,
      });
  }
}
