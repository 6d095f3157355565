import { PerennialError } from '../contracts/errors.js';
import type { ArmRole } from '../contracts/serving.js';
import type { AnsweredRow } from '../db/serving/prediction-tuple.js';
import type { Columns } from './infer-request.js';
import { answerGroup, groupItems, type RowAnswer } from './micro-batch.js';
import type { GatewayMetrics } from './metrics.js';
import type { LoadedModel } from './model-cache.js';
import type { PredictionLog } from './prediction-log.js';
import type { UsageMeter } from './usage/meter.js';
import type { WindowCounters } from './window-counters.js';

/** A request whose arm is chosen and whose inputs are read. */
export interface Prediction {
  loaded: LoadedModel;
  /** `direct`: the caller named the version; such answers belong to no arm and are not counted. */
  role: ArmRole | 'direct';
  revision: number;
  windowMilliseconds: number;
  id: string;
  entity: string;
  eventTime: number;
  receivedAt: number;
  /** By performance.now(). */
  startedAt: number;
  rows: number;
  columns: Columns;
}

export interface Predictor {
  /** One score a row. Throws MODEL_FAILED naming the rows that the model has no answer for, OVERLOADED when too much waits. */
  predict(prediction: Prediction): Promise<number[]>;
}

interface Waiting {
  prediction: Prediction;
  rows: number;
  columns: Columns;
  resolve: (scores: number[]) => void;
  reject: (error: unknown) => void;
}

const rowsPerRun = 64;
const latencyCeiling = 2 ** 31 - 1;

/**
 * Answers what arrived in one turn of the event loop together, arm by arm, and writes it down before anybody gets an answer. Arms are
 * answered in a random order, and a baseline apart from the champion whose version it shares: else the canary would always wait for
 * the larger batch and look slower than it is.
 */
export function createPredictor({
  predictionLog,
  counters,
  usage,
  metrics,
  maximumWaitingRows,
}: {
  predictionLog: PredictionLog;
  counters: WindowCounters;
  usage: UsageMeter;
  metrics: GatewayMetrics;
  maximumWaitingRows: number;
}): Predictor {
  const waiting = new Map<string, Waiting[]>();
  let waitingRows = 0;
  /** When the last group was answered; by performance.now(). */
  let freeSince = 0;

  const finish = (group: readonly Waiting[], answers: readonly RowAnswer[][]): void => {
    const now = performance.now();
    const rows: AnsweredRow[] = [];
    for (const [index, { prediction }] of group.entries())
      addRows(rows, prediction, answers[index] ?? [], now);
    predictionLog.record(rows);
    let answered = 0;
    let failed = 0;
    for (const [index, each] of group.entries()) {
      const failures = settle(each, answers[index] ?? [], now);
      if (failures > 0) failed += failures;
      else answered += each.rows;
    }
    const [first] = group;
    if (!first) return;
    const { loaded, role } = first.prediction;
    const arm = { model: loaded.model, version: String(loaded.version), role };
    if (answered > 0) metrics.answered.inc(arm, answered);
    if (failed > 0) metrics.failed.inc(arm, failed);
  };

  /** Returns the number of rows that the model has no answer for. */
  const settle = (
    { prediction, resolve, reject }: Waiting,
    answers: readonly RowAnswer[],
    now: number,
  ): number => {
    const seconds = (now - prediction.startedAt) / 1_000;
    metrics.seconds.observe({ model: prediction.loaded.model }, seconds);
    const scores: number[] = [];
    const failures: string[] = [];
    for (const [row, answer] of answers.entries()) {
      if ('score' in answer) scores.push(answer.score);
      else failures.push(prediction.rows === 1 ? answer.failure : `Row ${row}: ${answer.failure}`);
    }
    if (failures.length === 0) resolve(scores);
    else reject(new PerennialError('MODEL_FAILED', failures.slice(0, 3).join(' ')));
    return failures.length;
  };

  /** Adds the rows that are logged and counted: all of an answered request, the failed ones of one that was not. */
  const addRows = (
    rows: AnsweredRow[],
    prediction: Prediction,
    answers: readonly RowAnswer[],
    now: number,
  ): void => {
    const { loaded, role, revision, windowMilliseconds, eventTime } = prediction;
    const { model, version, reference } = loaded;
    const latencyMicros = Math.min(
      Math.round((now - prediction.startedAt) * 1_000),
      latencyCeiling,
    );
    const failed = answers.some((answer) => 'failure' in answer);
    for (const [row, answer] of answers.entries()) {
      if (failed && 'score' in answer) continue;
      const inputs = valuesOf(prediction.columns, row);
      const score = 'score' in answer ? answer.score : null;
      rows.push({
        model,
        id: rowId(prediction.id, row, prediction.rows),
        version,
        role,
        revision,
        entity: prediction.entity,
        eventTime,
        receivedAt: prediction.receivedAt,
        latencyMicros,
        score,
        error: 'failure' in answer ? answer.failure : null,
        inputs,
      });
      if (role === 'direct') continue;
      const arm = { model, version, role, revision, windowMilliseconds, reference };
      const answered = { eventTime, values: inputs, score, latencyMicros };
      if (!counters.count(arm, answered)) metrics.late.inc();
    }
  };

  const answerArm = async (items: readonly Waiting[]): Promise<void> => {
    for (const group of groupItems(items, rowsPerRun)) {
      const [first] = group;
      if (!first) continue;
      const { loaded } = first.prediction;
      const begun = performance.now();
      try {
        finish(group, await answerGroup(loaded.onnx, group));
      } catch (error) {
        for (const each of group) each.reject(error);
      }
      const rows = group.reduce((sum, each) => sum + each.rows, 0);
      waitingRows -= rows;
      // Models answer one after the other: while another group had its turn, this one only waited.
      const now = performance.now();
      usage.add(loaded, now - Math.max(begun, freeSince), rows);
      freeSince = now;
    }
  };

  const answerWaiting = (): void => {
    const arms = shuffle([...waiting.values()]);
    waiting.clear();
    for (const items of arms) void answerArm(items);
  };

  return {
    predict(prediction) {
      if (waitingRows + prediction.rows > maximumWaitingRows)
        return Promise.reject(
          new PerennialError('OVERLOADED', `${waitingRows} rows are waiting to be answered.`),
        );
      waitingRows += prediction.rows;
      return new Promise((resolve, reject) => {
        const { rows, columns } = prediction;
        const item = { prediction, rows, columns, resolve, reject };
        const arm = `${prediction.loaded.model}/${prediction.loaded.version}/${prediction.role}`;
        if (waiting.size === 0) setImmediate(answerWaiting);
        const queue = waiting.get(arm);
        if (queue) queue.push(item);
        else waiting.set(arm, [item]);
      });
    },
  };
}

function shuffle<T>(items: T[]): T[] {
  for (let last = items.length - 1; last > 0; last -= 1) {
    const other = Math.floor(Math.random() * (last + 1));
    [items[last], items[other]] = [items[other] as T, items[last] as T];
  }
  return items;
}

/** The id that a label names: the request's own, with `/row` behind it when there are several rows. */
function rowId(id: string, row: number, rows: number): string {
  return rows === 1 ? id : `${id}/${row}`;
}

function valuesOf(columns: Columns, row: number): Record<string, number | string | null> {
  const values: Record<string, number | string | null> = {};
  for (const name in columns) {
    const value = columns[name]?.[row];
    // Single precision has no JSON word for "not a number"; it stands for a missing value.
    values[name] = value === undefined || Number.isNaN(value) ? null : value;
  }
  return values;
}
