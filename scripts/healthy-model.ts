import type {
  ComputeActivities,
  JudgeActivities,
  PipelineActivities,
  TrainingActivities,
} from '../activities/index.js';
import type { Snapshot, Validation } from '../contracts/dataset.js';
import type { Evaluated } from '../contracts/evaluation.js';
import type { ArtifactRef } from '../contracts/names.js';
import type { Judgement, Recommendation } from '../contracts/release.js';
import type { DeliveryPlan } from '../contracts/stages.js';
import type { Verdict } from '../contracts/verdict.js';

export type AllActivities = PipelineActivities &
  ComputeActivities &
  TrainingActivities &
  JudgeActivities;

/** Digest of what is approved. */
export const evidence = 'e'.repeat(64);
export const digest = 'd'.repeat(64);
const artifact: ArtifactRef = {
  uri: 'artifact:a',
  sha256: 'a'.repeat(64),
  bytes: 10,
  schemaVersion: 1,
};
const hour = 3_600_000;
const day = 24 * hour;

/** What openDelivery answers: a person approves, and canary steps with these shares are judged. */
export function planFor(model: string, canary: number[] = [0.05, 0.1, 0.25]): DeliveryPlan {
  return {
    model,
    delivery: 1,
    specDigest: digest,
    team: 'team',
    trigger: 'manual',
    requestedBy: 'alice',
    approval: {
      approvers: ['bob'],
      quorum: 1,
      remindAfter: day,
      escalateAfter: 7 * day,
      escalateTo: ['carol'],
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

const snapshot: Snapshot = {
  digest,
  manifest: artifact,
  window: { from: '2001-01-01T00:00:00Z', to: '2001-02-01T00:00:00Z' },
  rows: 1_000,
  bytes: 10_000,
  created: true,
};

export const validation: Validation = {
  verdict: 'pass',
  checks: [],
  rows: 1_000,
  quarantined: 3,
  quarantine: artifact,
  examples: [],
  channels: { train: artifact, holdout: artifact, trainRows: 800, holdoutRows: 197 },
};

export const evaluated: Evaluated = {
  verdict: 'pass',
  summary: 'roc_auc 0.70 against 0.69.',
  report: artifact,
  golden: artifact,
  reference: artifact,
  gates: [],
  metrics: { roc_auc: 0.7 },
  championMetrics: { roc_auc: 0.69 },
};

const verdictOf = {
  promote: 'pass',
  rollback: 'fail',
  wait: 'inconclusive',
  ask: 'inconclusive',
} as const satisfies Record<Recommendation, Verdict>;

export function judgement(recommendation: Recommendation, step = 1): Judgement {
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
    verdict: verdictOf[recommendation],
    recommendation,
    reason: `The judge says ${recommendation}.`,
  };
}

/** A model that nothing ails, for tests and benchmarks: every activity answers at once and well, every decision is admitted. */
export const healthy: AllActivities = {
  openDelivery: async ({ model }) => planFor(model),
  closeDelivery: async () => {},
  lookAtPlacement: async () => ({ begun: true, waits: null }),
  openTrainingAttempt: async (input) => ({
    ...input,
    key: `perennial-${'0'.repeat(12)}-${input.attempt}`,
  }),
  askForMoney: async () => ({ covered: true }),
  askTrial: async ({ number }) => ({ number, parameters: { rate: number / 10 } }),
  tellTrial: async ({ trained }) =>
    trained.kind === 'succeeded'
      ? { state: 'complete', value: 0.5, over: null }
      : { state: 'failed', value: null, over: null },
  chooseTrial: async () => ({
    kind: 'succeeded',
    model: artifact,
    manifest: artifact,
    metrics: {},
    environment: 'sha256:none',
    seconds: 1,
    attempt: 1,
    trial: { number: 1, parameters: { rate: 0.1 } },
  }),
  registerVersion: async () => ({
    version: 2,
    evidence,
    champion: 1,
    automatic: { approved: false, reason: '' },
    summary: 'Version 2 against version 1.',
  }),
  admitDecision: async ({ decision: { vote } }) => ({
    admitted: true,
    code: null,
    reason: '',
    standing: vote === 'approve' ? 'approved' : vote === 'reject' ? 'rejected' : 'cancelled',
    approvals: vote === 'approve' ? 1 : 0,
    quorum: 1,
  }),
  remindApprovers: async ({ kind }) => ({ standing: kind === 'expired' ? 'expired' : 'open' }),
  withdrawApproval: async () => {},
  openRelease: async () => ({ revision: 1 }),
  moveRoute: async ({ expectedRevision }) => ({ revision: expectedRevision + 1 }),
  promoteVersion: async ({ expectedRevision }) => ({ revision: expectedRevision + 1 }),
  restoreRoute: async () => ({ revision: 99 }),
  steerRelease: async () => {},
  closeRelease: async () => {},
  recordMonitorAct: async () => {},
  sweep: async () => ({
    jobsReaped: 0,
    jobsRemoved: 0,
    checkpointsExpired: 0,
    workFoldersRemoved: 0,
    routesRestored: 0,
    deliveriesClosed: 0,
    partitionsMade: 0,
    unwatched: [],
  }),
  ingestData: async () => snapshot,
  validateData: async () => validation,
  evaluateModel: async () => evaluated,
  checkStaging: async () => ({
    ok: true,
    compared: 256,
    largestDifference: 0,
    reason: '256 answers equal.',
  }),
  assessDrift: async ({ check }) => ({
    report: { check, verdict: 'pass', severity: 'none', score: 0.001, rows: 900, reason: 'Quiet.' },
    every: hour,
    team: 'team',
    retraining: null,
  }),
  superviseTraining: async () => ({
    kind: 'succeeded',
    model: artifact,
    manifest: artifact,
    metrics: {},
    environment: 'env',
    seconds: 1.5,
  }),
  judgeStep: async ({ step }) => ({ judgement: judgement('promote', step) }),
};
