import type { JobStatus, TrainingJob } from '../contracts/training.js';

/** One line that a trainer printed; its replica's rank, and its first byte in all that this one said, name it for ever. */
export interface LogLine {
  rank: number;
  offset: number;
  line: string;
}

/** How far the output of each replica has been read: its next byte, by rank. One that is not in it is read from its beginning. */
export type LogPosition = readonly number[];

export interface LogChunk {
  /** Rank by rank; those of one in their order. */
  lines: LogLine[];
  /** Where to read on. */
  next: LogPosition;
}

export interface ListedJob {
  key: string;
  model: string;
  delivery: number;
  attempt: number;
  labels: Record<string, string>;
  status: JobStatus;
}

/**
 * Where trainings run. One port, several backends, one conformance suite (test/training/backend-conformance.ts).
 * A backend retries nothing: Temporal does. It knows only jobs of its own installation.
 */
export interface TrainingBackend {
  readonly name: string;
  /**
   * Starts the job, or adopts the one by the same key, whatever became of it: a second call never starts a second job.
   * Throws JOB_KEY_TAKEN when the one found belongs to another installation or spec.
   */
  submit(job: TrainingJob): Promise<{ adopted: boolean }>;
  status(key: string): Promise<JobStatus>;
  /** Whole lines of every replica from `since` on; an unfinished last one only once it has ended. At most about 1 MiB a call. */
  logs(key: string, since: LogPosition): Promise<LogChunk>;
  /** Asks the trainer to stop and, after `graceMs` milliseconds, kills it. Returns when nothing by that key runs any more. */
  cancel(key: string, graceMs: number): Promise<void>;
  /** Jobs of this installation that left traces, running or not: the janitor's view. */
  list(): Promise<ListedJob[]>;
  /** Removes every trace of a job that does not run. */
  remove(key: string): Promise<void>;
  /** Local folder with the job's `/opt/ml` tree. */
  root(key: string): string;
}
