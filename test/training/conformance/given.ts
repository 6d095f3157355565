import type { TestContext } from 'vitest';
import type { TrainingJob } from '../../../contracts/training.js';
import type { ArtifactStore } from '../../../runtime/artifacts.js';
import type { TrainingBackend } from '../../../training/backend.js';
import { scriptedJob } from '../job.js';
import { readAll, untilExited, type Exited } from '../watching.js';

/** What only some backends can show. In its place a sentence says why this one cannot. */
type Perhaps<T> = T | string;

export interface BackendUnderTest {
  /** Another client of the same engine, as a second worker has it. */
  open(installation?: string): TrainingBackend;
  /** A backend whose jobs lie on a disk of a few mebibytes. */
  smallDisk: Perhaps<() => Promise<{ backend: TrainingBackend; close: () => Promise<void> }>>;
  /** Kills what runs under this key behind the backend's back, as an operator would. */
  kill(key: string): Promise<void>;
  /** Stops the engine the hard way and starts it again. */
  outage: Perhaps<{ begin: () => Promise<void>; end: () => Promise<void> }>;
  /** References: to an image that is nowhere, and to one whose command is not in it. */
  images: Perhaps<{ missing: string; withoutCommand: string }>;
  /** Whether `resources` bind the trainer. */
  limits: Perhaps<true>;
  /** Whether the trainer is shut off: read-only root, no network, no rights. */
  isolation: Perhaps<true>;
  /** Whether several replicas may train one model. */
  replicas: Perhaps<true>;
  /** Whether they reach each other. */
  meeting: Perhaps<true>;
  /** Whether the machine surely has no GPU, and the backend hands GPUs out. */
  withoutGpu: Perhaps<true>;
}

interface Parts {
  folder: string;
  artifacts: ArtifactStore;
  under: BackendUnderTest;
}

/** What a case starts from; the parts are there once the suite's set-up has run. */
export function createGiven() {
  let parts: Parts | undefined;
  let opened: TrainingBackend | undefined;
  let delivery = 0;
  const notApplicable: string[] = [];

  function needed<T>(part: T | undefined): T {
    if (part === undefined) throw new Error('The suite is not set up');
    return part;
  }

  return {
    notApplicable,
    use(made: Parts): void {
      parts = made;
      opened = made.under.open();
    },
    get under(): BackendUnderTest {
      return needed(parts).under;
    },
    get backend(): TrainingBackend {
      return needed(opened);
    },

    /** The ability; or the end of a case that this backend cannot show, which is written down with the reason. */
    needs<T>(context: TestContext, ability: Perhaps<T>): T {
      if (typeof ability !== 'string') return ability;
      notApplicable.push(`not applicable: ${context.task.name}: ${ability}`);
      return context.skip(`not applicable: ${ability}`);
    },

    /** A job of a delivery of its own; of the delivery before where `attempt` is a later one. */
    async job(script: string, changes: Partial<TrainingJob> = {}): Promise<TrainingJob> {
      const { attempt = 1 } = changes;
      if (attempt === 1) delivery += 1;
      const { artifacts } = needed(parts);
      return { ...(await scriptedJob(artifacts, script, { delivery, attempt })), ...changes };
    },

    /** Runs a job to its end. */
    async run(script: string, changes: Partial<TrainingJob> = {}) {
      const job = await this.job(script, changes);
      await this.backend.submit(job);
      const ended: Exited = await untilExited(this.backend, job.key);
      return { job, ended, lines: await readAll(this.backend, job.key) };
    },
  };
}
export type Given = ReturnType<typeof createGiven>;
