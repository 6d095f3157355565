import { setTimeout as wait } from 'node:timers/promises';
import { PerennialError } from '../contracts/errors.js';
import { logPage, type LogPage } from '../contracts/overview.js';
import { searchView, type SearchView } from '../contracts/search.js';
import { trainingView, type TrainingView } from '../contracts/training-view.js';
import type { Http } from './http.js';

export type LogLine = LogPage['lines'][number];

export interface LogQuery {
  /** Where a reading stopped, as the page before said it. */
  since?: string;
  /** Only lines from this instant on, ISO 8601. */
  from?: string;
  /** Only lines of this attempt. */
  attempt?: number;
  /** Only lines of this trial of a search; the chosen one's, or the newest's, when left out. */
  trial?: number;
  /** Only lines of the replica of this rank. */
  rank?: number;
  limit?: number;
}

export interface FollowOptions extends Omit<LogQuery, 'limit'> {
  /** Milliseconds between two looks; the first pause, too, after a server went away. */
  every?: number;
  signal?: AbortSignal;
}

/** Trainings: how far they are, their curves, their GPUs, their words. */
export function createTrainingClient(http: Http) {
  const pathOf = (model: string, number: number) =>
    `/api/v1/models/${encodeURIComponent(model)}/deliveries/${number}`;

  /** One page of the trainer's log after `since`, the start when left out. */
  const logs = (model: string, number: number, query: LogQuery = {}): Promise<LogPage> =>
    http.get(`${pathOf(model, number)}/logs`, logPage, { query: { ...query } });

  return {
    showTraining: (model: string, number: number): Promise<TrainingView> =>
      http.get(`${pathOf(model, number)}/training`, trainingView),
    listTrials: (model: string, number: number): Promise<SearchView> =>
      http.get(`${pathOf(model, number)}/trials`, searchView),
    logs,
    /**
     * Yields each line of the trainer once, and ends when its training has. A server that goes away is asked again with growing
     * pauses, for ten minutes; the reading goes on where it stopped.
     */
    async *followLogs(
      model: string,
      number: number,
      { every = 500, signal, ...query }: FollowOptions = {},
    ): AsyncGenerator<LogLine, void, void> {
      let since = query.since ?? '0:0';
      let lastAnswer: number | null = null;
      let pause = every;
      for (;;) {
        signal?.throwIfAborted();
        try {
          const page = await logs(model, number, { ...query, since });
          lastAnswer = Date.now();
          pause = every;
          yield* page.lines;
          since = page.next;
          if (page.complete) return;
          if (page.lines.length > 0) continue;
        } catch (error) {
          // Before the first answer an address may just be wrong: that is told at once.
          if (!isAway(error) || lastAnswer === null || Date.now() - lastAnswer > longestAbsence)
            throw error;
          pause = Math.min(pause * 2, longestPause);
        }
        await wait(pause, undefined, signal ? { signal } : {});
      }
    },
  };
}

const longestAbsence = 600_000;
const longestPause = 10_000;

function isAway(error: unknown): boolean {
  return error instanceof PerennialError && error.entry.kind === 'retry';
}
