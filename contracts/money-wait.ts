/** What a training that waits for money and its activity say to each other. Types only, so that workflows may import it. */
import type { TrainingAttempt } from './stages.js';

/** The attempt that only money ended, and until when its delivery waits, ISO 8601; left out, it is only looked, and nobody is asked. */
export interface AskForMoneyInput extends TrainingAttempt {
  specDigest: string;
  until?: string;
}

/** What is awaited, in amounts as people read them. */
export interface LackingMoney {
  /** `team growth (month)`. */
  budget: string;
  limit: string;
  spent: string;
  /** Held for trainings that run. */
  held: string;
  /** What must be left for the training to go on, and how much of it is not there. */
  needs: string;
  missing: string;
  /** What serves: `37.00 EUR runs it for about an hour`. Not in answers of earlier builds. */
  serves?: string;
  /** The line that raises the budget by what serves. */
  extend: string;
}

export type MoneyStanding = { covered: true } | ({ covered: false } & LackingMoney);

/** Answer to `budgetExtended`: whether the training goes on, and what was found. */
export interface BudgetExtendedAnswer {
  covered: boolean;
  reason: string;
}
