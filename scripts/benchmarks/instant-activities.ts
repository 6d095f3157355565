import type {
  ComputeActivities,
  JudgeActivities,
  PipelineActivities,
  TrainingActivities,
} from '../../activities/index.js';
import type { ArtifactRef } from '../../contracts/names.js';
import type { Judgement } from '../../contracts/release.js';
import type { DeliveryPlan } from '../../contracts/stages.js';

export type InstantActivities = PipelineActivities &
  ComputeActivities &
  TrainingActivities &
  JudgeActivities;

/** Which way a delivery goes when nothing goes wrong. */
export interface Course {
  /** Shares of the canary steps; without any, and so without a champion, a version is promoted after staging. */
  canary: number[];
  /** Whether a person has to approve. */
  approval: boolean;
  /** Milliseconds between two checks of a monitor of this name. */
  every: (model: string) => number;
}

const hour = 3_600_000;
const day = 24 * hour;
const digest = 'd'.repeat(64);
export const evidence = 'e'.repeat(64);
const artifact: ArtifactRef = {
  uri: 'artifact:a',
  sha256: 'a'.repeat(64),
  bytes: 10,
  schemaVersion: 1,
};

/** Activities that answer at once, as a healthy model's would: what is left is the cost of orchestration. */
export function createInstantActivities(course: Course): InstantActivities {
  return {
    openDelivery: async ({ model }) => planOf(model, course),
    closeDelivery: async () => {},
    lookAtPlacement: async () => ({ begun: true, waits: null }),
    openTrainingAttempt: async (input) => ({ ...input, key: `perennial-${input.attempt}` }),
    askForMoney: async () => ({ covered: true }),
    tellTrial: async () => ({ state: 'complete', value: 0, over: null }),
    chooseTrial: async () => Promise.reject(new Error('Nothing is searched here.')),
    registerVersion: async () => ({
      version: 2,
      evidence,
      champion: course.canary.length > 0 ? 1 : null,
      automatic: { approved: !course.approval, reason: '' },
      summary: 'Version 2.',
    }),
    admitDecision: async () => ({
      admitted: true,
      code: null,
      reason: '',
      standing: 'approved',
      approvals: 1,
      quorum: 1,
    }),
    remindApprovers: async () => ({ standing: 'open' }),
    withdrawApproval: async () => {},
    openRelease: async () => ({ revision: 1 }),
    moveRoute: async ({ expectedRevision }) => ({ revision: expectedRevision + 1 }),
    promoteVersion: async ({ expectedRevision }) => ({ revision: expectedRevision + 1 }),
    restoreRoute: async () => ({ revision: 99 }),
    steerRelease: async () => {},
    closeRelease: async () => {},
    sweep: async () => ({
      jobsReaped: 0,
      jobsRemoved: 0,
      checkpointsExpired: 0,
      workFoldersRemoved: 0,
      routesRestored: 0,
      partitionsMade: 0,
      unwatched: [],
    }),
    ingestData: async () => ({
      digest,
      manifest: artifact,
      window: { from: '2001-01-01T00:00:00Z', to: '2001-02-01T00:00:00Z' },
      rows: 1_000,
      bytes: 10_000,
      created: true,
    }),
    validateData: async () => ({
      verdict: 'pass',
      checks: [],
      rows: 1_000,
      quarantined: 0,
      quarantine: null,
      examples: [],
      channels: { train: artifact, holdout: artifact, trainRows: 800, holdoutRows: 200 },
    }),
    askTrial: async ({ number }) => ({ number, parameters: {} }),
    evaluateModel: async () => ({
      verdict: 'pass',
      summary: 'roc_auc 0.70.',
      report: artifact,
      golden: artifact,
      reference: artifact,
      gates: [],
      metrics: { roc_auc: 0.7 },
      championMetrics: null,
    }),
    checkStaging: async () => ({ ok: true, compared: 256, largestDifference: 0, reason: 'Equal.' }),
    assessDrift: async ({ model, check }) => ({
      report: { check, verdict: 'pass', severity: 'none', score: 0, rows: 900, reason: 'Quiet.' },
      every: course.every(model),
      team: 'bench',
      retraining: null,
    }),
    superviseTraining: async () => ({
      kind: 'succeeded',
      model: artifact,
      manifest: artifact,
      metrics: {},
      environment: 'none',
      seconds: 0,
    }),
    judgeStep: async ({ step }) => ({ judgement: judgementOf(step) }),
  };
}

function planOf(model: string, { canary }: Course): DeliveryPlan {
  return {
    model,
    delivery: 1,
    specDigest: digest,
    team: 'bench',
    trigger: 'manual',
    requestedBy: 'bench',
    approval: {
      approvers: ['bob'],
      quorum: 1,
      remindAfter: day,
      escalateAfter: 7 * day,
      escalateTo: [],
      expireAfter: 90 * day,
    },
    training: { timeout: hour, maximumAttempts: 2, heartbeat: 30_000 },
    release: {
      steps: [
        { kind: 'staging' },
        ...canary.map((share) => ({ kind: 'canary' as const, share })),
        { kind: 'promote' },
      ],
      every: 1_000,
      maximumTime: hour,
    },
  };
}

function judgementOf(step: number): Judgement {
  const arm = {
    entities: 100,
    requests: 100,
    errors: 0,
    latency: [],
    labelled: 0,
    logLossSum: 0,
    logLossSquares: 0,
  };
  return {
    schemaVersion: 1,
    step,
    look: 1,
    at: '2001-02-01T00:00:00Z',
    canary: arm,
    baseline: arm,
    expectedShare: 0.5,
    alpha: 0.05,
    basis: {
      exposure: { requests: 100, milliseconds: 1_000 },
      latencyBound: null,
      dispersion: { windows: 0, errors: 1, latency: 1 },
      policy: {
        minimumRequests: 100,
        minimumTime: 0,
        maximumTime: hour,
        alpha: 0.05,
        errorRateMargin: 0.1,
        latencyRatioMargin: 2,
        businessMargin: 0.1,
      },
    },
    findings: [],
    verdict: 'pass',
    recommendation: 'promote',
    reason: 'As good as the baseline.',
  };
}
