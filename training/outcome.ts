import { join } from 'node:path';
import { PerennialError } from '../contracts/errors.js';
import type { Supervision, TrainingJob, TrainingOutcome } from '../contracts/training.js';
import type { ArtifactStore } from '../runtime/artifacts.js';
import { describeExit, judgeExit } from './exit-code.js';
import { outputFiles } from './job-folder.js';
import { verifyManifest } from './manifest.js';
import { readPlainFile } from './plain-file.js';
import { replicaRoot } from './replicas.js';
import type { JobEnd } from './supervise.js';

/**
 * What an ended job means for its delivery. A trainer's failure is an answer here, never an exception: with the trainer's own
 * sentence where it left one. On success model and manifest are verified and kept as artifacts.
 */
export async function judgeJob({
  end,
  job,
  root,
  artifacts,
  reached,
}: {
  end: JobEnd;
  job: TrainingJob;
  root: string;
  artifacts: ArtifactStore;
  /** How far it had come by its own word, where it told. */
  reached?: Pick<Supervision, 'step' | 'total'> | undefined;
}): Promise<TrainingOutcome> {
  switch (end.kind) {
    case 'hung':
      return {
        kind: 'retry',
        error: 'TRAINING_HUNG',
        code: 75,
        reason: `The trainer gave no sign of life for ${seconds(end.silentFor)} and was stopped (training.heartbeat).`,
      };
    case 'stalled':
      return {
        kind: 'retry',
        error: 'TRAINING_HUNG',
        code: 75,
        reason: `The trainer's step stood at ${end.step} for ${seconds(end.stoodFor)} and it was stopped (training.progressEvery).`,
      };
    case 'revoked':
      return { kind: 'retry', error: 'TRAINING_FAILED', code: 75, reason: end.sentence };
    case 'preempted': {
      // It may have come to its end while it was asked to stop.
      const done = end.exit?.code === 0 ? await keepWhole(end.exit, job, root, artifacts) : null;
      if (done) return done;
      return { kind: 'retry', code: 143, reason: end.sentence, preempted: true };
    }
    case 'outdone':
      return { kind: 'failed', error: 'TRIAL_PRUNED', code: 143, reason: end.sentence };
    case 'unpaid':
      return { kind: 'failed', error: 'BUDGET_EXCEEDED', code: 143, reason: end.sentence };
    case 'overdue':
      return {
        kind: 'failed',
        error: 'TRAINING_FAILED',
        code: 143,
        reason: `The training took longer than ${seconds(end.after)} and was stopped (training.timeout).`,
      };
    case 'gone':
      return {
        kind: 'retry',
        error: 'TRAINING_FAILED',
        code: 75,
        reason: `The training ${job.key} vanished from its backend.`,
      };
    case 'exited': {
      const judged = judgeExit({ ...end, attempt: job.attempt });
      if (judged === 'succeeded')
        return (await endedHalfway(root, reached)) ?? keepResult(end, job, root, artifacts);
      // Killed after its work was done, or nobody saw it end: what it handed over whole counts.
      const done = end.code === 137 ? await keepWhole(end, job, root, artifacts) : null;
      if (done) return done;
      const reason = (await failureSentence(root, job)) ?? end.reason ?? describeExit(end);
      return { kind: judged, error: 'TRAINING_FAILED', code: end.code, reason };
    }
  }
}

/**
 * An engine that is lost in the moment in which a trainer dies may say 0 of it afterwards. By its own word that one was not at its end, and
 * it left no manifest; one that only forgets to write it has taken its last step.
 */
async function endedHalfway(
  root: string,
  reached: Pick<Supervision, 'step' | 'total'> | undefined,
): Promise<TrainingOutcome | null> {
  if (!reached || reached.total === null || reached.step >= reached.total) return null;
  if (await readPlainFile(join(root, outputFiles.manifest), 1)) return null;
  const reason = `The trainer ended at step ${reached.step} of ${reached.total} without a manifest.`;
  return { kind: 'retry', error: 'TRAINING_FAILED', code: 0, reason };
}

/** What was handed over by a trainer of whom nobody expects it; null where it is not whole. */
async function keepWhole(...given: Parameters<typeof keepResult>): Promise<TrainingOutcome | null> {
  const kept = await keepResult(...given);
  return kept.kind === 'succeeded' ? kept : null;
}

async function keepResult(
  { took, image }: { took: number; image?: string | undefined },
  job: TrainingJob,
  root: string,
  artifacts: ArtifactStore,
): Promise<TrainingOutcome> {
  try {
    const { manifest, manifestPath, modelPath } = await verifyManifest(root, job);
    const model = await artifacts.keepFile(modelPath, 'model');
    return {
      kind: 'succeeded',
      model,
      manifest: await artifacts.keepFile(manifestPath, 'manifest'),
      metrics: manifest.metrics,
      environment: manifest.environment,
      ...(image !== undefined && { image }),
      seconds: took / 1_000,
    };
  } catch (error) {
    if (error instanceof PerennialError && error.code === 'MANIFEST_INVALID')
      return { kind: 'failed', error: error.code, code: 0, reason: error.message };
    throw error;
  }
}

/** The beginning of `output/failure`, of the first replica that left one; null when none did. */
async function failureSentence(
  root: string,
  { replicas = 1 }: TrainingJob,
): Promise<string | null> {
  if (replicas === 1) return readSentence(root);
  for (let rank = 0; rank < replicas; rank += 1) {
    const sentence = await readSentence(replicaRoot(root, rank));
    if (sentence !== null) return `Replica ${rank}: ${sentence}`;
  }
  return null;
}

async function readSentence(root: string): Promise<string | null> {
  const bytes = await readPlainFile(join(root, outputFiles.failure), 8_192);
  const text = bytes?.toString('utf8') ?? '';
  return text.replaceAll('\0', '').trim().slice(0, 2_000) || null;
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1_000).toFixed(0)} s`;
}
