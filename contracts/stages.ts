/**
 * What workflows and activities say to each other: one object in, one object out. Types only, so that workflows may import it.
 * Lengths of time are milliseconds here; the spec's words were read by `openDelivery`.
 */
import type { Admission, Decision } from './approval.js';
import type { Snapshot, Validation } from './dataset.js';
import type { DeliverModelInput, DeliveryOutcome, Trigger } from './delivery.js';
import type { Evaluated } from './evaluation.js';
import type { ArtifactRef, TimeWindow } from './names.js';
import type { Judgement, ReleaseOutcome, ReleaseStep } from './release.js';
import type { ReleaseAct, ReleaseStatus } from './release-state.js';
import type { ParameterValues } from './search.js';
import type { TrainingOutcome } from './training.js';

export interface DeliveryKey {
  model: string;
  delivery: number;
}

/** The part of the spec that the workflows themselves need: what to wait for, and how long. */
export interface DeliveryPlan extends DeliveryKey {
  specDigest: string;
  team: string;
  trigger: Trigger;
  requestedBy: string;
  approval: {
    approvers: string[];
    quorum: number;
    remindAfter: number;
    escalateAfter: number;
    escalateTo: string[];
    expireAfter: number;
  };
  training: {
    timeout: number;
    maximumAttempts: number;
    heartbeat: number;
    /** Class of the GPUs that it asks for; left out by those that ask for none, and by deliveries that began before there were classes. */
    gpuClass?: string;
    /** Its turn at the queue, where the spec says: the lower number first, and teams of the same number by turns. */
    turn?: { priority: number; team: string };
    /** Left out where the delivery trains once. */
    search?: { trials: number; parallel: number };
  };
  release: { steps: ReleaseStep[]; every: number; maximumTime: number };
}

export interface OpenDeliveryInput extends DeliverModelInput {
  workflowId: string;
  /** First run of the chain: the idempotency key of the delivery's number. */
  firstRunId: string;
}

export interface IngestInput extends DeliveryKey {
  specDigest: string;
  window?: TimeWindow;
}
export interface ValidateInput extends DeliveryKey {
  specDigest: string;
  snapshot: Snapshot;
}

export interface TrainModelInput extends DeliveryKey {
  specDigest: string;
  channels: { train: ArtifactRef; holdout: ArtifactRef };
  plan: DeliveryPlan['training'];
  /** Which trial of the delivery's search this is; left out where nothing is searched. */
  trial?: AskedTrial;
  /** Where money stopped the trial before: it goes on from there. */
  goesOn?: StoppedAttempts;
  /** Keep records within the workflow's own task. Left out by deliveries that began before that was possible. */
  atOnce?: true;
}
export interface OpenAttemptInput extends DeliveryKey {
  specDigest: string;
  trial?: AskedTrial;
  attempt: number;
}
/** A training attempt's row; `key` is the job's name on every backend. */
export interface TrainingAttempt extends DeliveryKey {
  attempt: number;
  key: string;
}
export interface SuperviseTrainingInput extends TrainingAttempt {
  specDigest: string;
  trial?: AskedTrial;
  channels: { train: ArtifactRef; holdout: ArtifactRef };
}
/** A failed training is an answer, not an exception: the delivery ends with the trainer's own words. */
export type TrainModelResult = TrainingOutcome & {
  attempt: number;
  trial?: AskedTrial;
  /** How a trial may go on that only money stopped. */
  stopped?: StoppedAttempts;
  /** What people should know of how the search came to its model. */
  note?: string;
};
export type TrainedModel = Extract<TrainModelResult, { kind: 'succeeded' }>;

/** How far the attempts of a trial had come when money stopped it. */
export interface StoppedAttempts {
  /** The last attempt and its key. */
  attempt: number;
  key: string;
  /** Attempts that ended for no fault of the training's, the last among them. */
  uncounted: number;
}

/** One trial of a search: its number, from 1, and what it is trained with beside the spec's own parameters. */
export interface AskedTrial {
  number: number;
  parameters: ParameterValues;
}
export interface SearchKey extends DeliveryKey {
  specDigest: string;
}
export interface AskTrialInput extends SearchKey {
  number: number;
}
export interface TellTrialInput extends AskTrialInput {
  trained: TrainModelResult;
}
export interface ToldTrial {
  state: 'complete' | 'pruned' | 'failed';
  value: number | null;
  /** Why the search begins no further trial, and whether those that run are of no use either; null where it goes on. */
  over: { reason: string; stopOthers: boolean } | null;
}

export interface EvaluateInput extends DeliveryKey {
  specDigest: string;
  trained: TrainedModel;
  holdout: ArtifactRef;
}

export interface RegisterInput extends DeliveryKey {
  specDigest: string;
  snapshot: Snapshot;
  validation: Validation;
  trained: TrainedModel;
  evaluated: Evaluated;
  requestedBy: string;
}
/** A version and the approval opened for it. `automatic` says that the spec's own condition approved it, and why. */
export interface Registered {
  version: number;
  evidence: string;
  champion: number | null;
  automatic: { approved: boolean; reason: string };
  summary: string;
}

export interface AdmitDecisionInput extends DeliveryKey {
  decision: Decision;
  /** Update id, or `signal/<n>`: a second admission of the same message gives the first one's answer. */
  messageId: string;
}
export type AdmitDecisionOutput = Admission;

export interface RemindInput extends DeliveryKey {
  kind: 'reminder' | 'escalation' | 'expired';
  to: string[];
}
/** Where the approval stands in the database, which may be ahead of the workflow. */
export interface RemindOutput {
  standing: 'open' | 'approved' | 'rejected' | 'expired' | 'withdrawn';
}
export interface WithdrawApprovalInput extends DeliveryKey {
  reason: string;
}

export interface ReleaseModelInput extends DeliveryKey {
  version: number;
  champion: number | null;
  specDigest: string;
  requestedBy: string;
  steps: ReleaseStep[];
  every: number;
  maximumTime: number;
  /** Set for a rollback: at once, with this reason, to a version that was champion before. */
  immediate?: { reason: string };
  /** Keep records within the workflow's own task; whoever sets it sets the search attributes of the start too. */
  atOnce?: true;
}
export interface OpenReleaseInput extends ReleaseModelInput {
  workflowId: string;
  runId: string;
}
export interface StagingInput extends DeliveryKey {
  version: number;
  specDigest: string;
}
export interface StagingResult {
  ok: boolean;
  compared: number;
  largestDifference: number;
  reason: string;
}
/** `expectedRevision` fences: a move that finds another revision changes nothing and fails with FENCED, unless it is its own repetition. */
export interface MoveRouteInput extends DeliveryKey {
  version: number;
  champion: number;
  share: number;
  step: number;
  expectedRevision: number;
}
export interface RouteMoved {
  revision: number;
}
export interface JudgeStepInput extends DeliveryKey {
  version: number;
  champion: number;
  specDigest: string;
  step: number;
  share: number;
  /** Revision of this step's move. What earlier steps of the release showed is judged with it; the step's own exposure starts here. */
  sinceRevision: number;
  every: number;
  /** When the step began, in milliseconds; left out by workflows of before, whose judges counted from their own start. */
  since?: number;
  /** From `since` until a person is asked. */
  maximumTime: number;
  /** How often a person had steered the release when this judge was sent; left out by workflows of before. */
  steered?: number;
}
export interface JudgeStepResult {
  judgement: Judgement;
}
export interface PromoteInput extends DeliveryKey {
  version: number;
  champion: number | null;
  expectedRevision: number;
  by: string;
  reason: string;
}
export interface RestoreRouteInput extends DeliveryKey {
  /** Version that gets everything back; null takes the model off the air. */
  champion: number | null;
  version: number;
  reason: string;
}
/** A command of a person that left the release running, and the state it led to. */
export interface SteerReleaseInput extends DeliveryKey {
  version: number;
  /** Which command, and the how many-th of this release; both left out by workflows of before. */
  act?: ReleaseAct;
  steered?: number;
  status: ReleaseStatus;
  by: string;
  reason: string;
}
export interface CloseReleaseInput extends DeliveryKey {
  version: number;
  outcome: ReleaseOutcome;
  /** Who ended it; left out where no person did. */
  by?: string;
  reason: string;
}
export interface ReleaseResult {
  outcome: ReleaseOutcome;
  version: number;
  reason: string;
  revision: number;
}

export interface CloseDeliveryInput extends DeliveryKey {
  outcome: DeliveryOutcome;
  explanation: string;
}
export interface DeliveryResult extends DeliveryKey {
  outcome: DeliveryOutcome;
  version: number | null;
  explanation: string;
}

export interface SweepResult {
  jobsReaped: number;
  /** Jobs that ended long ago, whose traces were removed. */
  jobsRemoved: number;
  /** Checkpoints that no training can start from any more, removed from the artifact store. */
  checkpointsExpired: number;
  workFoldersRemoved: number;
  routesRestored: number;
  /** Deliveries whose workflow ended without closing them. */
  deliveriesClosed: number;
  partitionsMade: number;
  unwatched: string[];
}
