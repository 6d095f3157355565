import { PerennialError } from '../contracts/errors.js';
import type { Evaluated } from '../contracts/evaluation.js';
import type { Feature, ModelSpec } from '../contracts/spec.js';
import type { EvaluateInput } from '../contracts/stages.js';
import type { Database } from '../db/connect.js';
import { keepEvaluation } from '../db/delivery/evaluation.js';
import { loadSpec } from '../db/model/spec.js';
import { duringStage } from '../db/delivery/stage.js';
import { championOf, type KnownVersion } from '../db/model/version.js';
import { buildReferenceProfile } from '../drift/reference.js';
import { whyIncomparable } from '../evaluation/champion.js';
import type { ChampionScores } from '../evaluation/gates.js';
import { pickGolden } from '../evaluation/golden.js';
import { buildReport } from '../evaluation/report.js';
import type { ScoredRows } from '../evaluation/score-protocol.js';
import { scoreHoldout } from '../evaluation/score.js';
import type { ArtifactStore } from '../runtime/artifacts.js';
import { canonicalJson } from '../runtime/digest.js';
import type { Log } from '../runtime/log.js';
import { whileBeating } from './heartbeat.js';
import type { ComputeActivities } from './index.js';

export interface EvaluationDependencies {
  db: Database;
  artifacts: ArtifactStore;
  log: Log;
}

interface Task {
  signal: AbortSignal;
  onProgress: (done: number) => void;
}

export function createEvaluationActivities({
  db,
  artifacts,
  log,
}: EvaluationDependencies): Pick<ComputeActivities, 'evaluateModel'> {
  /**
   * Judges a trained model on the hold-out, beside the champion on the same rows, and keeps the report, the golden predictions and
   * the reference that drift is measured against. A second run computes the same bytes, finds the same artifacts and replaces the
   * same rows.
   */
  async function evaluateModel(input: EvaluateInput): Promise<Evaluated> {
    const key = { model: input.model, delivery: input.delivery };
    return duringStage(db, key, 'evaluate', () =>
      whileBeating(async (task) => {
        const { spec } = await loadSpec(db, input.specDigest);
        const champion = await championOf(db, input.model);
        const { scored, challenger, championScores } = await scoreBoth(input, spec, champion, task);
        const { columns, labels, total } = scored;
        if (labels.length < total)
          log.warn('A part of the hold-out was judged', { ...key, rows: labels.length, total });
        const report = buildReport(
          spec.evaluation,
          {
            model: input.model,
            modelSha256: input.trained.model.sha256,
            championSha256: champion?.artifact.sha256 ?? null,
            holdoutSha256: input.holdout.sha256,
          },
          { columns, labels, challenger, champion: championScores },
        );
        // Each takes seconds on a million rows: what is kept in between lets heartbeats through.
        const keptReport = await artifacts.keepBytes(canonicalJson(report), 'evaluation');
        const golden = pickGolden(columns, challenger, {
          count: spec.release.staging.goldenRows,
          seed: input.holdout.sha256,
        });
        const keptGolden = await artifacts.keepBytes(canonicalJson(golden), 'golden');
        const { features } = spec.data;
        const reference = buildReferenceProfile({ features, columns, scores: challenger, labels });
        const evaluated: Evaluated = {
          verdict: report.verdict,
          summary: report.summary,
          report: keptReport,
          golden: keptGolden,
          reference: await artifacts.keepBytes(canonicalJson(reference), 'reference'),
          gates: report.gates,
          metrics: report.metrics,
          championMetrics: report.championMetrics,
        };
        await keepEvaluation(db, key, { modelSha256: input.trained.model.sha256, evaluated });
        log.info('Model evaluated', { ...key, verdict: report.verdict, rows: report.rows });
        return evaluated;
      }),
    );
  }

  /** Answers of both models. A champion that cannot answer leaves the comparison open; a challenger that cannot ends the stage. */
  async function scoreBoth(
    input: EvaluateInput,
    spec: ModelSpec,
    champion: KnownVersion | null,
    { signal, onProgress }: Task,
  ): Promise<{ scored: ScoredRows; challenger: Float64Array; championScores: ChampionScores }> {
    const { features } = spec.data;
    const data = await artifacts.localPath(input.holdout);
    const challengerModel = { path: await artifacts.localPath(input.trained.model), features };
    const score = (models: { path: string; features: Feature[] }[]): Promise<ScoredRows> =>
      scoreHoldout({
        data,
        features,
        models,
        signal,
        onProgress: (rows, of) => onProgress(rows / of),
      });
    const alone = async (championScores: ChampionScores) => {
      const scored = await score([challengerModel]);
      return { scored, challenger: answersOf(scored, 0), championScores };
    };
    if (!champion) return alone(null);
    const theirs = (await loadSpec(db, champion.lineage.specDigest)).spec.data.features;
    const incomparable = whyIncomparable(theirs, features);
    if (incomparable) return alone({ incomparable });
    const path = await artifacts.localPath(champion.artifact);
    try {
      const scored = await score([challengerModel, { path, features: theirs }]);
      return {
        scored,
        challenger: answersOf(scored, 0),
        championScores: { scores: answersOf(scored, 1) },
      };
    } catch (error) {
      if (!(error instanceof PerennialError)) throw error;
      // Which of the two it was shows when the challenger is asked alone.
      return alone({ incomparable: `it could not answer the hold-out. ${error.message}` });
    }
  }

  return { evaluateModel };
}

function answersOf({ scores }: ScoredRows, model: number): Float64Array {
  const answers = scores[model];
  if (!answers) throw new RangeError(`There are no answers of model ${model}`);
  return answers;
}
