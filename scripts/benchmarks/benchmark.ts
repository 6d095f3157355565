import type { BenchResult } from './result.js';

export interface BenchOptions {
  /** The long form, where a benchmark has one. */
  full: boolean;
}

/** One question about our costs. Throws where our answers and the peer's differ: then no ratio means anything. */
export interface Benchmark {
  name: string;
  what: string;
  run: (options: BenchOptions) => Promise<BenchResult>;
}
