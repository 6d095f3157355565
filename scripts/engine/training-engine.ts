import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Config } from '../../runtime/config.js';
import { labelFilter } from '../../training/docker/container.js';
import { connectEngine } from '../../training/docker/engine.js';
import { engineAddress, startEngine, stopEngine } from './own-engine.js';
import { importTrainerImage } from './trainer-image.js';

export interface TrainingEngine {
  /** The settings that a stack needs to train in it. */
  settings: Pick<Config, 'training' | 'trainerImage' | 'docker'>;
  /** What it is, for people. */
  name: string;
  countContainers: () => Promise<number>;
  stop: () => Promise<void>;
}

/**
 * The engine that PERENNIAL_DOCKER_HOST names, or where none answers there one of our own until `stop`; with the trainers' image in it.
 * Throws TOOL_MISSING.
 */
export async function openTrainingEngine(config: Config, python: string): Promise<TrainingEngine> {
  const given = await answers(config.docker.host);
  const folder = given ? null : await mkdtemp(join(tmpdir(), 'engine-'));
  const stop = async () => {
    if (folder !== null) await stopEngine(folder);
  };
  try {
    if (folder !== null) await startEngine(folder);
    const host = folder === null ? config.docker.host : engineAddress(folder);
    const engine = connectEngine(host);
    const { Version } = await engine.version();
    const trainerImage = config.trainerImage ?? (await importTrainerImage(engine, { python }));
    return {
      settings: { training: 'docker', trainerImage, docker: { ...config.docker, host } },
      name: `Docker ${Version}${given ? '' : ', started for the demo'}`,
      countContainers: async () => {
        const filters = labelFilter(config.installation);
        return (await engine.listContainers({ all: true, filters })).length;
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function answers(host: string): Promise<boolean> {
  return connectEngine(host)
    .ping()
    .then(
      () => true,
      () => false,
    );
}
