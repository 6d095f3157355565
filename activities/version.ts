import { PerennialError } from '../contracts/errors.js';
import type { MetricValues } from '../contracts/evaluation.js';
import type { ModelSpec } from '../contracts/spec.js';
import type { Registered, RegisterInput } from '../contracts/stages.js';
import type { Trigger } from '../contracts/delivery.js';
import type { Database } from '../db/connect.js';
import { loadDelivery } from '../db/delivery/delivery.js';
import { registerOnce, type AutomaticDecision } from '../db/model/registration.js';
import { loadSpec } from '../db/model/spec.js';
import { duringStage, enterStage } from '../db/delivery/stage.js';
import { championOf, type KnownVersion } from '../db/model/version.js';
import { countInWords } from '../evaluation/words.js';
import { drawUpEvidence, policyDigestOf } from '../governance/evidence.js';
import { decideByPolicy, policyEngine } from '../governance/policy.js';
import type { Log } from '../runtime/log.js';
import type { VersionActivities } from './index.js';

export function createVersionActivities({
  db,
  log,
  codeRevision,
}: {
  db: Database;
  log: Log;
  /** Which Perennial made the version: part of its lineage. */
  codeRevision: string;
}): VersionActivities {
  /**
   * Makes an evaluated model a version, with its lineage and the evidence of what was judged, and asks for approval. The delivery
   * names the version, so a second run finds the first one's and answers the same.
   */
  async function registerVersion(input: RegisterInput): Promise<Registered> {
    const key = { model: input.model, delivery: input.delivery };
    return duringStage(db, key, 'register', async () => {
      const { spec } = await loadSpec(db, input.specDigest);
      const champion = await championOf(db, input.model);
      const trigger = (await loadDelivery(db, key))?.trigger ?? 'manual';
      const { trained, evaluated } = input;
      const registered = await registerOnce(db, {
        ...key,
        artifact: trained.model,
        golden: evaluated.golden,
        reference: evaluated.reference,
        evidence: drawUpEvidence({
          ...key,
          modelSha256: trained.model.sha256,
          evaluationSha256: evaluated.report.sha256,
          snapshotDigest: input.snapshot.digest,
          policyDigest: policyDigestOf(spec),
          specDigest: input.specDigest,
        }),
        metrics: evaluated.metrics,
        lineage: lineageOf(input, spec, codeRevision),
        champion: champion?.version ?? null,
        policy: spec.approval,
        requestedBy: input.requestedBy,
        summarise: (version) => summarise(input, { version, trigger, champion }),
        decide: (version) => decideAlone(spec, { input, version, champion, trigger }),
      });
      await enterStage(db, key, registered.automatic.approved ? 'release' : 'approve');
      log.info('Version registered', { ...key, version: registered.version });
      return registered;
    });
  }

  return { registerVersion };
}

function lineageOf(
  { specDigest, snapshot, validation, trained, evaluated, model, delivery }: RegisterInput,
  { training }: ModelSpec,
  codeRevision: string,
): KnownVersion['lineage'] {
  if (!validation.channels) {
    throw new PerennialError(
      'CONTRACT_VIOLATED',
      `Delivery ${delivery} of ${model} has no validated rows: nothing made from them can be registered.`,
    );
  }
  return {
    specDigest,
    snapshotDigest: snapshot.digest,
    trainSha256: validation.channels.train.sha256,
    holdoutSha256: validation.channels.holdout.sha256,
    evaluationSha256: evaluated.report.sha256,
    codeRevision,
    trainer: training.trainer,
    trainerEnvironment: trained.environment,
    ...(trained.image !== undefined && { trainerImage: trained.image }),
    parameters: { ...training.parameters, ...trained.trial?.parameters },
    ...(trained.trial && { trial: trained.trial.number }),
    seed: training.seed,
  };
}

/** The question that a person is asked, with the numbers to answer it by. */
function summarise(
  { model, snapshot, validation, evaluated, requestedBy }: RegisterInput,
  {
    version,
    trigger,
    champion,
  }: { version: number; trigger: Trigger; champion: KnownVersion | null },
): string {
  const rows = countInWords(validation.channels?.trainRows ?? 0);
  const kept = countInWords(validation.channels?.holdoutRows ?? 0);
  const quarantined = countInWords(validation.quarantined);
  const { from, to } = snapshot.window;
  const against = champion ? `to replace version ${champion.version}` : 'as the first version';
  return [
    `${model} version ${version} ${against}, asked for by ${requestedBy} (${trigger}).`,
    `Evaluation ${evaluated.summary}`,
    `Trained on ${rows} rows, judged on the newest ${kept}, of ${day(from)} to ${day(to)}; ${quarantined} rows in quarantine.`,
  ].join(' ');
}

function day(instant: string): string {
  return instant.slice(0, 10);
}

/** Weighs the spec's own condition. Only what passed its evaluation may be approved without a person. */
function decideAlone(
  { approval: { automaticWhen } }: ModelSpec,
  {
    input: { evaluated },
    version,
    champion,
    trigger,
  }: { input: RegisterInput; version: number; champion: KnownVersion | null; trigger: Trigger },
): AutomaticDecision | null {
  if (automaticWhen === undefined) return null;
  const rows = evaluated.gates.find(({ name }) => name === 'rows')?.rows ?? 0;
  const compared: MetricValues | null = evaluated.championMetrics ?? champion?.metrics ?? null;
  const policyInput = {
    candidate: { version, ...evaluated.metrics },
    champion: champion && { version: champion.version, ...compared },
    evaluation: { verdict: evaluated.verdict, rows },
    trigger,
  };
  const { result, reason } = decideByPolicy(automaticWhen, policyInput);
  const passed = evaluated.verdict === 'pass';
  return {
    engine: policyEngine,
    expression: automaticWhen,
    input: policyInput,
    result: result && passed,
    reason:
      result && !passed
        ? `${reason} But the evaluation is ${evaluated.verdict}: a person decides.`
        : reason,
  };
}
