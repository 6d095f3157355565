import type { KeptCheckpoint } from '../contracts/checkpoint.js';
import type { ArtifactRef } from '../contracts/names.js';
import type { ArtifactStore } from '../runtime/artifacts.js';
import type { Clock } from '../runtime/clock.js';
import { keepCheckpoint, surveyCheckpoints } from './checkpoint.js';

/** A store that refused is left alone for this long, in milliseconds. */
const pauseAfterTrouble = 10_000;

/** Copies the checkpoints of one job to the artifact store while it runs, beside whoever watches it. */
export interface CheckpointKeeper {
  /** Name of the newest that is kept; null while none is. */
  readonly newest: string | null;
  /** Starts to keep what is new, unless it is doing so already. Never waits and never throws. */
  look(step: number): void;
  /** Keeps what an ended trainer left. Throws what the store throws. */
  finish(step: number): Promise<void>;
}

export function createCheckpointKeeper({
  folder,
  artifacts,
  record,
  clock,
  onTrouble,
  newest: before = null,
}: {
  /** The job's `/opt/ml/checkpoints`. */
  folder: string;
  artifacts: ArtifactStore;
  /** Remembers one; false when its attempt may have no more. */
  record: (kept: KeptCheckpoint) => Promise<boolean>;
  clock: Clock;
  onTrouble: (error: unknown) => void;
  /** What a predecessor kept. */
  newest?: string | null;
}): CheckpointKeeper {
  let known = new Map<string, ArtifactRef>();
  let newest = before;
  let keptPrints = '';
  let open = true;
  let notBefore = 0;
  let underWay: Promise<void> | null = null;

  /** False when the trainer changed a file under our hands. */
  async function keep(step: number): Promise<boolean> {
    const files = await surveyCheckpoints(folder);
    const prints = files.map(({ path, print }) => `${path} ${print}`).join('\n');
    if (!open || files.length === 0 || prints === keptPrints) return true;
    const kept = await keepCheckpoint({ folder, files, step }, artifacts, known);
    if (!kept) return false;
    const present = new Set(files.map(({ print }) => print));
    known = new Map([...known].filter(([print]) => present.has(print)));
    keptPrints = prints;
    open = await record(kept);
    if (open) newest = kept.name;
    return true;
  }

  return {
    get newest() {
      return newest;
    },
    look(step) {
      if (underWay || !open || clock.now().getTime() < notBefore) return;
      underWay = keep(step)
        .then(
          () => {},
          (error: unknown) => {
            notBefore = clock.now().getTime() + pauseAfterTrouble;
            onTrouble(error);
          },
        )
        .finally(() => {
          underWay = null;
        });
    },
    async finish(step) {
      await underWay;
      // Nobody writes any more; a second look is for what the file system had not told yet.
      if (!(await keep(step))) await keep(step);
    },
  };
}
