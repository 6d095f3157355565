/** What the workflows answer to the queries `state` and `plan`, and to their updates. Types only, so that workflows may import it. */
import type { Admission } from './approval.js';
import type { DeliveryOutcome, Stage, Trigger } from './delivery.js';
import type { TimeWindow } from './names.js';
import type { Judgement, ReleaseOutcome } from './release.js';
import type { ReleaseStatus } from './release-state.js';
import type { DeliveryPlan, ReleaseModelInput } from './stages.js';
import type { MonitorCarried } from './monitor.js';

/** An approval as its workflow sees it. Instants are ISO 8601. */
export interface AwaitedApproval {
  version: number;
  evidence: string;
  standing: 'open' | 'approved' | 'rejected' | 'expired';
  approvals: number;
  quorum: number;
  approvers: string[];
  openedAt: string;
  expiresAt: string;
  summary: string;
}

export interface DeliveryState {
  model: string;
  /** Null until the delivery has its number. */
  delivery: number | null;
  trigger: Trigger;
  requestedBy: string;
  /** Data window that was asked for; null takes the spec's. */
  window: TimeWindow | null;
  stage: Stage;
  /** One line for each thing that happened, oldest first. */
  story: string[];
  approval: AwaitedApproval | null;
  /** What its training waits for; left out or null while it waits for nothing. */
  waits?: string | null;
  version: number | null;
  outcome: DeliveryOutcome | null;
  explanation: string;
  /** Signals that made no sense here: counted, never acted on. Updates are refused to their sender instead. */
  refusedMessages: number;
}

export interface ReleaseState {
  model: string;
  delivery: number;
  version: number;
  champion: number | null;
  status: ReleaseStatus;
  step: number;
  steps: number;
  share: number;
  revision: number;
  story: string[];
  lastJudgement: Pick<Judgement, 'look' | 'verdict' | 'recommendation' | 'reason'> | null;
  /** When the judge of the present step asks a person at the latest; null where none is at work. */
  judgedUntil: string | null;
  /** What a person is asked, while the status is `waiting`. */
  question: string | null;
  outcome: ReleaseOutcome | null;
  reason: string;
  /** How often a person has paused, resumed or extended it. */
  steered: number;
  refusedMessages: number;
}

export type MonitorState = MonitorCarried & {
  model: string;
  status: 'checking' | 'waiting' | 'paused' | 'retired';
  nextCheckAt: string | null;
  refusedMessages: number;
};

/** Answer to a release's update: what the command made of it. */
export interface ReleaseAnswer {
  status: ReleaseStatus;
  reason: string;
}
/** Answer to a monitor's update. */
export interface MonitorAnswer {
  status: MonitorState['status'];
}
/** Answer to `decide` on a delivery. */
export type DeliveryAnswer = Admission;

export type DeliveryPlanAnswer = DeliveryPlan | null;
export type ReleasePlanAnswer = ReleaseModelInput;
export interface MonitorPlanAnswer {
  every: number;
  continueAfter: number;
}
