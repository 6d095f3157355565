/** What a model's monitor, its activities and whoever steers it say to each other. Types only, so that workflows may import it. */
import type { DeliveryOutcome, Trigger } from './delivery.js';
import type { DriftReport } from './drift.js';
import type { TimeWindow } from './names.js';

export interface MonitorInput {
  model: string;
  /** Checks made by monitors before this one: numbers of checks go on, they are keys. */
  checksBefore?: number;
  /** Carried across continue-as-new. */
  carried?: MonitorCarried;
  /** History events after which the monitor continues as new; 1,000 by default, fewer in tests. */
  continueAfter?: number;
}
/** Message of `configure`: null goes back to the spec's interval. Who it is from is left out by senders of before. */
export interface MonitorConfiguration extends Partial<MonitorCommand> {
  every: number | null;
}
/** Message of `pause`, `resume` and `retire`. */
export interface MonitorCommand {
  by: string;
  reason?: string | undefined;
}
/** Something that a person did to a monitor, to be recorded: the how many-th of the run it came to. */
export interface MonitorAct {
  model: string;
  runId: string;
  number: number;
  act: 'pause' | 'resume' | 'configure' | 'retire';
  by: string;
  reason: string;
  /** Milliseconds, of `configure` alone; null goes back to the spec's interval. */
  every?: number | null;
}
/** Message of `breach`: somebody saw something, look now. */
export interface Breach {
  reason: string;
}
/** Message of `deliveryEnded`, sent by every delivery's last activity. */
export interface DeliveryEnded {
  delivery: number;
  outcome: DeliveryOutcome;
}
export interface MonitorResult {
  model: string;
  checks: number;
  retrainings: number;
}
export interface MonitorCarried {
  checks: number;
  retrainings: number;
  paused: boolean;
  every: number;
  /** Set by `configure`; null follows the spec. */
  everyOverride: number | null;
  /** A trigger that found a delivery running: weighed again when it ends. */
  armed: boolean;
  /** A breach that no check has answered yet. */
  breached: boolean;
  /** A delivery has ended since the last check. */
  deliveryEnded: boolean;
  lastReport: DriftSummary | null;
}
export interface DriftSummary {
  check: number;
  verdict: DriftReport['verdict'];
  severity: DriftReport['severity'];
  score: number;
  rows: number;
  reason: string;
}
export interface AssessDriftInput {
  model: string;
  check: number;
  /** Why this check runs: its timer, a breach, or the end of a delivery. */
  cause: 'timer' | 'breach' | 'delivery-ended';
}
export interface AssessDriftResult {
  report: DriftSummary;
  /** Read from the current spec at each check. */
  every: number;
  team: string;
  retraining: { trigger: Trigger; reason: string; window?: TimeWindow } | null;
}
