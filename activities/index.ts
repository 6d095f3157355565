/**
 * What each queue offers to workflows. The factories are checked against these types where a worker puts them together; workflows
 * import nothing from here but the types.
 */
import type { Snapshot, Validation } from '../contracts/dataset.js';
import type { Evaluated } from '../contracts/evaluation.js';
import type {
  AdmitDecisionInput,
  AdmitDecisionOutput,
  AskedTrial,
  AskTrialInput,
  CloseDeliveryInput,
  CloseReleaseInput,
  DeliveryPlan,
  EvaluateInput,
  IngestInput,
  JudgeStepInput,
  JudgeStepResult,
  MoveRouteInput,
  OpenAttemptInput,
  OpenDeliveryInput,
  OpenReleaseInput,
  PromoteInput,
  Registered,
  RegisterInput,
  RemindInput,
  RemindOutput,
  RestoreRouteInput,
  RouteMoved,
  StagingInput,
  StagingResult,
  SteerReleaseInput,
  SearchKey,
  SuperviseTrainingInput,
  SweepResult,
  TellTrialInput,
  ToldTrial,
  TrainingAttempt,
  TrainModelResult,
  ValidateInput,
  WithdrawApprovalInput,
} from '../contracts/stages.js';
import type { AskForMoneyInput, MoneyStanding } from '../contracts/money-wait.js';
import type { PlacementInput, PlacementLook } from '../contracts/placement.js';
import type { AssessDriftInput, AssessDriftResult, MonitorAct } from '../contracts/monitor.js';
import type { TrainingOutcome } from '../contracts/training.js';

export interface DeliveryActivities {
  openDelivery(input: OpenDeliveryInput): Promise<DeliveryPlan>;
  closeDelivery(input: CloseDeliveryInput): Promise<void>;
}
export interface SearchRecords {
  tellTrial(input: TellTrialInput): Promise<ToldTrial>;
  chooseTrial(input: SearchKey): Promise<TrainModelResult>;
}
export interface TrainingAttempts {
  openTrainingAttempt(input: OpenAttemptInput): Promise<TrainingAttempt>;
  askForMoney(input: AskForMoneyInput): Promise<MoneyStanding>;
}
export interface PlacementActivities {
  lookAtPlacement(input: PlacementInput): Promise<PlacementLook>;
}
export interface VersionActivities {
  registerVersion(input: RegisterInput): Promise<Registered>;
}
export interface ApprovalActivities {
  admitDecision(input: AdmitDecisionInput): Promise<AdmitDecisionOutput>;
  remindApprovers(input: RemindInput): Promise<RemindOutput>;
  withdrawApproval(input: WithdrawApprovalInput): Promise<void>;
}
export interface ReleaseActivities {
  openRelease(input: OpenReleaseInput): Promise<RouteMoved>;
  moveRoute(input: MoveRouteInput): Promise<RouteMoved>;
  promoteVersion(input: PromoteInput): Promise<RouteMoved>;
  restoreRoute(input: RestoreRouteInput): Promise<RouteMoved>;
  steerRelease(input: SteerReleaseInput): Promise<void>;
  closeRelease(input: CloseReleaseInput): Promise<void>;
}
export interface MonitorActivities {
  recordMonitorAct(input: MonitorAct): Promise<void>;
}
export interface JanitorActivities {
  sweep(): Promise<SweepResult>;
}

/** Short work beside the workflows themselves. */
export type PipelineActivities = DeliveryActivities &
  TrainingAttempts &
  SearchRecords &
  PlacementActivities &
  VersionActivities &
  ApprovalActivities &
  ReleaseActivities &
  MonitorActivities &
  JanitorActivities;

/** Work on data: minutes to hours, with heartbeats. */
export interface ComputeActivities {
  ingestData(input: IngestInput): Promise<Snapshot>;
  validateData(input: ValidateInput): Promise<Validation>;
  askTrial(input: AskTrialInput): Promise<AskedTrial>;
  evaluateModel(input: EvaluateInput): Promise<Evaluated>;
  checkStaging(input: StagingInput): Promise<StagingResult>;
  assessDrift(input: AssessDriftInput): Promise<AssessDriftResult>;
}

/** Supervision of training containers: hours to days, with heartbeats. */
export interface TrainingActivities {
  superviseTraining(input: SuperviseTrainingInput): Promise<TrainingOutcome>;
}

/** Canary steps, each watched by one activity of its own. */
export interface JudgeActivities {
  judgeStep(input: JudgeStepInput): Promise<JudgeStepResult>;
}
