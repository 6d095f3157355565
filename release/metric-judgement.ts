import type { Finding } from '../contracts/verdict.js';

/** What one metric says of the canary. */
export interface MetricJudgement {
  /** `fail`: harm is shown. `pass`: harm is shown to be below the margin. Otherwise `inconclusive`. */
  finding: Finding;
  /** Must it pass before the step is promoted? Labels may never come in time; they then stop nobody. */
  required: boolean;
}
