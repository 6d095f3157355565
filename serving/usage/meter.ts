import { shareOut } from './split.js';

/** What was used for one version. */
export interface VersionUse {
  model: string;
  version: number;
  /** Rows that were asked for. */
  predictions: number;
  /** Microseconds of a core. */
  processorMicros: number;
  /** MiB that were held, times the milliseconds they were held. */
  mebibyteMillis: number;
}

type ServedVersion = Pick<VersionUse, 'model' | 'version'>;

export interface UsageMeter {
  /** That answering so many rows of a version took so many milliseconds: two numbers are added, and nothing is looked at. */
  add(version: ServedVersion, milliseconds: number, rows: number): void;
  /**
   * What the process used since the last time, shared out. Processor time in proportion to the milliseconds that answers took, or evenly where
   * nothing was answered; memory evenly among the versions that answered or are kept ready. Where there are none it is nobody's.
   */
  take(ready: Iterable<ServedVersion>): VersionUse[];
}

/** What a process has used so far, by its own word: microseconds of all its threads, and bytes now. */
export interface ProcessMeter {
  processorMicros(): number;
  memoryBytes(): number;
  /** Milliseconds of a clock that nobody sets. */
  now(): number;
}

const ownProcess: ProcessMeter = {
  processorMicros() {
    const { user, system } = process.cpuUsage();
    return user + system;
  },
  memoryBytes: () => process.memoryUsage.rss(),
  now: () => performance.now(),
};

/** Counts from now on. */
export function createUsageMeter(own: ProcessMeter = ownProcess): UsageMeter {
  const answers = new Map<ServedVersion, { milliseconds: number; rows: number }>();
  let processor = own.processorMicros();
  let looked = own.now();

  return {
    add(version, milliseconds, rows) {
      const before = answers.get(version);
      if (before) {
        before.milliseconds += milliseconds;
        before.rows += rows;
      } else answers.set(version, { milliseconds, rows });
    },
    take(ready) {
      const [processorNow, now] = [own.processorMicros(), own.now()];
      const mebibyteMillis = Math.floor((own.memoryBytes() / 2 ** 20) * (now - looked));
      const versions = [...new Set([...ready, ...answers.keys()])];
      const answered = versions.map((version) => answers.get(version));
      const processors = shareOut(
        processorNow - processor,
        answered.map((each) => each?.milliseconds ?? 0),
      );
      const memories = shareOut(
        mebibyteMillis,
        versions.map(() => 1),
      );
      processor = processorNow;
      looked = now;
      answers.clear();
      return versions.map(({ model, version }, index) => ({
        model,
        version,
        predictions: answered[index]?.rows ?? 0,
        processorMicros: processors[index] ?? 0,
        mebibyteMillis: memories[index] ?? 0,
      }));
    },
  };
}
