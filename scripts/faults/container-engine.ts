import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Config } from '../../runtime/config.js';
import { connectEngine, isRefusal } from '../../training/docker/engine.js';
import { engineAddress, killEngine, startEngine, stopEngine } from '../engine/own-engine.js';
import { importTrainerImage } from '../engine/trainer-image.js';

const gpuStandIn = fileURLToPath(new URL('gpu-stand-in', import.meta.url));
/** How long an engine that was killed is away; milliseconds. */
const awayMs = 1_000;
const patienceMs = 60_000;

/** A container engine of an arena's own, to be hurt. */
export interface ContainerEngine {
  settings: Pick<Config, 'training' | 'trainerImage' | 'docker'>;
  /** Kills the engine alone and starts it again; the containers run on meanwhile. */
  hurt: () => Promise<void>;
  /** The container's first process, as this machine numbers it; none where the container does not run. */
  firstProcess: (key: string) => Promise<number[]>;
  removeContainer: (key: string) => Promise<void>;
  has: (key: string) => Promise<boolean>;
  /** Containers of any name, running or not. */
  count: () => Promise<number>;
  close: () => Promise<void>;
}

/** Starts an engine with the trainers' image; a `bare` one runs trainers of the standard library alone. Needs root and dockerd. */
export async function openContainerEngine({
  python,
  bare,
  gpus = false,
}: {
  python: string;
  bare: boolean;
  /** Grants GPUs by number, of which it has none. */
  gpus?: boolean;
}): Promise<ContainerEngine> {
  const folder = await mkdtemp(join(tmpdir(), 'engine-'));
  const host = engineAddress(folder);
  const engine = connectEngine(host);
  const tools = gpus ? gpuStandIn : undefined;
  const close = () => stopEngine(folder);
  try {
    await startEngine(folder, tools);
    const trainerImage = await importTrainerImage(engine, { python, bare });
    let underWay: Promise<void> = Promise.resolve();
    const hurtOnce = async () => {
      await killEngine(folder);
      await sleep(awayMs);
      await startEngine(folder, tools);
    };
    /** Asks again when the engine was killed in the middle of its answer; null of a container that is not there or has just ended. */
    const whileThere = async <T>(ask: () => Promise<T>): Promise<T | null> => {
      for (const deadline = Date.now() + patienceMs; ; await sleep(100)) {
        await underWay;
        try {
          return await ask();
        } catch (error) {
          if (isRefusal(error, 404, 409)) return null;
          if (Date.now() > deadline) throw error;
        }
      }
    };
    return {
      settings: { training: 'docker', trainerImage, docker: { host, network: 'none' } },
      hurt: () => (underWay = underWay.then(hurtOnce)),
      firstProcess: async (key) => {
        const found = await whileThere(() => engine.getContainer(key).inspect());
        return found?.State.Running ? [found.State.Pid] : [];
      },
      removeContainer: async (key) =>
        void (await whileThere(() => engine.getContainer(key).remove({ force: true }))),
      has: async (key) => (await whileThere(() => engine.getContainer(key).inspect())) !== null,
      count: async () =>
        (await whileThere(() => engine.listContainers({ all: true })))?.length ?? 0,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}
