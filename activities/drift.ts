import { activityInfo, heartbeat } from '@temporalio/activity';
import { milliseconds } from '../contracts/duration.js';
import type { DriftMemory, DriftReport } from '../contracts/drift.js';
import type { TimeWindow } from '../contracts/names.js';
import type { RegisteredSpec } from '../contracts/spec.js';
import type { AssessDriftInput, AssessDriftResult, DriftSummary } from '../contracts/monitor.js';
import { referenceProfile, type WindowCounts } from '../contracts/window-counts.js';
import type { Database } from '../db/connect.js';
import { lastDriftReport, storeDriftReport } from '../db/drift/report.js';
import { pastRetrainings } from '../db/drift/retraining.js';
import {
  countsSince,
  labelledSince,
  lastLabelledTime,
  type UnweighedWindow,
} from '../db/drift/unweighed.js';
import { currentSpec } from '../db/model/spec.js';
import { championOf, type KnownVersion } from '../db/model/version.js';
import { assess, type Assessment } from '../drift/assess.js';
import { decideRetraining } from '../drift/retraining.js';
import { noChampionYet, summaryOf } from '../drift/summary.js';
import { mergeWindowCounts } from '../drift/window-counts.js';
import type { ArtifactStore } from '../runtime/artifacts.js';
import type { Clock } from '../runtime/clock.js';
import type { Log } from '../runtime/log.js';
import type { ComputeActivities } from './index.js';

export interface DriftDependencies {
  db: Database;
  artifacts: ArtifactStore;
  log: Log;
  clock: Clock;
}

const noMemory = {
  drift: 0,
  performance: [],
  standing: null,
  countsUntil: null,
  labelsUntil: null,
};

/** Looks at what the champion sees and says. */
export function createDriftActivities({
  db,
  artifacts,
  log,
  clock,
}: DriftDependencies): Pick<ComputeActivities, 'assessDrift'> {
  /**
   * Weighs the counts and labels that no check has weighed yet against the champion's reference, keeps the report and decides on a
   * retraining. A second run of the same activity finds its report and answers with it; too few rows are left for the next check.
   */
  async function assessDrift(input: AssessDriftInput): Promise<AssessDriftResult> {
    const pulse = setInterval(() => heartbeat(), 5_000);
    try {
      const spec = await currentSpec(db, input.model);
      const champion = await championOf(db, input.model);
      if (!champion) return answer(spec, noChampionYet(input.check), null);
      const { workflowExecution, activityId } = activityInfo();
      const asked = `${workflowExecution?.runId ?? ''}/${activityId}/${input.check}`;
      const last = await lastDriftReport(db, input.model);
      if (last?.memory?.asked === asked) return answer(spec, summaryOf(last), last);
      const report = await look(input, { spec, champion, last, asked });
      return answer(spec, summaryOf(report), report);
    } finally {
      clearInterval(pulse);
    }
  }

  async function look(
    { model }: AssessDriftInput,
    {
      spec,
      champion,
      last,
      asked,
    }: { spec: RegisteredSpec; champion: KnownVersion; last: DriftReport | null; asked: string },
  ): Promise<DriftReport> {
    const { monitoring, data } = spec.spec;
    const { version } = champion;
    // Another version has another reference: nothing that was found out about the one before holds for it.
    const before = last?.version === version && last.memory ? last.memory : noMemory;
    const reference = referenceProfile.parse(await artifacts.readJson(champion.reference));
    const counted = await countsSince(db, { model, version, since: before.countsUntil });
    const labels = await labelledSince(db, { model, version, since: before.labelsUntil });
    const assessment = assess({
      reference,
      counts: merged(counted.windows),
      labelled: labels.labelled,
      monitoring,
      before,
    });
    const now = clock.now();
    const decision = decideRetraining({
      standing: assessment.standing,
      carried: assessment.carried,
      policy: {
        cooldown: milliseconds(monitoring.retrain.cooldown),
        maximumPerMonth: monitoring.retrain.maximumPerMonth,
        maximumAge: monitoring.retrain.maximumAge
          ? milliseconds(monitoring.retrain.maximumAge)
          : null,
      },
      history: {
        championSince: new Date(champion.createdAt),
        ...(await pastRetrainings(db, model, now)),
      },
      now,
    });
    const window = windowOf(counted.windows, milliseconds(monitoring.window));
    const memory: DriftMemory = {
      asked,
      countsUntil: assessment.weighed.counts ? counted.until : before.countsUntil,
      labelsUntil: assessment.weighed.labels ? labels.until : before.labelsUntil,
      drift: assessment.drift,
      performance: assessment.lossDetectors,
      standing: assessment.standing,
      retrainingWindow:
        decision.action === 'retrain' && data.window
          ? await trainingWindow(model, milliseconds(data.window), window)
          : null,
    };
    const report = reportOf(assessment, { model, version, check: (last?.check ?? 0) + 1 });
    const stored: DriftReport = { ...report, window, decision, memory, at: now.toISOString() };
    const newAlarm =
      stored.verdict === 'fail' && !(last?.version === version && last.verdict === 'fail');
    await storeDriftReport(db, stored, { newAlarm });
    log.info('Drift was assessed', {
      ...summaryOf(stored),
      model,
      version,
      action: decision.action,
    });
    return stored;
  }

  /** The newest event time whose labels are known, and the spec's window back from there. */
  async function trainingWindow(
    model: string,
    length: number,
    seen: TimeWindow | null,
  ): Promise<TimeWindow | null> {
    const newest = (await lastLabelledTime(db, model)) ?? (seen ? new Date(seen.to) : null);
    if (!newest) return null;
    const to = newest.getTime() + 1;
    return { from: new Date(to - length).toISOString(), to: new Date(to).toISOString() };
  }

  return { assessDrift };
}

function merged(windows: readonly UnweighedWindow[]): WindowCounts | null {
  return windows.reduce<WindowCounts | null>(
    (sum, { counts }) => (sum ? mergeWindowCounts(sum, counts) : counts),
    null,
  );
}

function windowOf(windows: readonly UnweighedWindow[], length: number): TimeWindow | null {
  if (windows.length === 0) return null;
  const starts = windows.map(({ windowStart }) => windowStart.getTime());
  return {
    from: new Date(Math.min(...starts)).toISOString(),
    to: new Date(Math.max(...starts) + length).toISOString(),
  };
}

function reportOf(
  { rows, verdict, severity, score, findings, performance }: Assessment,
  about: { model: string; version: number; check: number },
): Omit<DriftReport, 'window' | 'decision' | 'memory' | 'at'> {
  const { error: _, ...told } = performance;
  return {
    schemaVersion: 1,
    ...about,
    rows,
    verdict,
    severity,
    score,
    findings,
    performance: told,
  };
}

function answer(
  { spec }: RegisteredSpec,
  report: DriftSummary,
  stored: DriftReport | null,
): AssessDriftResult {
  const { decision, memory } = stored ?? {};
  const window = memory?.retrainingWindow;
  return {
    report,
    every: milliseconds(spec.monitoring.every),
    team: spec.team,
    retraining:
      decision?.action === 'retrain' && decision.trigger
        ? { trigger: decision.trigger, reason: decision.reason, ...(window ? { window } : {}) }
        : null,
  };
}
