import { PerennialError } from '../contracts/errors.js';
import type { ArmRole } from '../contracts/serving.js';
import type { Columns } from './infer-request.js';
import { answerGroup, groupItems, type RowAnswer } from './micro-batch.js';
import type { GatewayMetrics } from './metrics.js';
import type { LoadedModel } from './model-cache.js';
import type { AnsweredRow, PredictionLog } from './prediction-log.js';
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

interface Waiting extends Prediction {
  resolve(scores: number[]): void;
  reject(error: unknown): void;
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
  metrics,
  maximumWaitingRows,
}: {
  predictionLog: PredictionLog;
  counters: WindowCounters;
  metrics: GatewayMetrics;
  maximumWaitingRows: number;
}): Predictor {
  const waiting = new Map<string, Waiting[]>();
  let waitingRows = 0;

  const finish = (group: readonly Waiting[], answers: readonly RowAnswer[][]): void => {
    const now = performance.now();
    const rows = group.flatMap((each, index) => rowsOf(each, answers[index] ?? [], now));
    predictionLog.record(rows);
    for (const [index, each] of group.entries()) settle(each, answers[index] ?? [], now);
  };

  const settle = (each: Waiting, answers: readonly RowAnswer[], now: number): void => {
    const { model, version } = each.loaded;
    const arm = { model, version: String(version), role: each.role };
    metrics.seconds.observe({ model }, (now - each.startedAt) / 1_000);
    const scores: number[] = [];
    const failures: string[] = [];
    for (const [row, answer] of answers.entries()) {
      if ('score' in answer) scores.push(answer.score);
      else failures.push(each.rows === 1 ? answer.failure : `Row ${row}: ${answer.failure}`);
    }
    if (failures.length > 0) {
      metrics.failed.inc(arm, failures.length);
      each.reject(new PerennialError('MODEL_FAILED', failures.slice(0, 3).join(' ')));
    } else {
      metrics.answered.inc(arm, scores.length);
      each.resolve(scores);
    }
  };

  /** The rows that are logged and counted: all of an answered request, the failed ones of one that was not. */
  const rowsOf = (each: Waiting, answers: readonly RowAnswer[], now: number): AnsweredRow[] => {
    const latencyMicros = Math.min(Math.round((now - each.startedAt) * 1_000), latencyCeiling);
    const failed = answers.some((answer) => 'failure' in answer);
    const rows: AnsweredRow[] = [];
    for (const [row, answer] of answers.entries()) {
      if (failed && 'score' in answer) continue;
      const inputs = valuesOf(each.columns, row);
      const score = 'score' in answer ? answer.score : null;
      rows.push({
        model: each.loaded.model,
        id: rowId(each.id, row, each.rows),
        version: each.loaded.version,
        role: each.role,
        revision: each.revision,
        entity: each.entity,
        eventTime: each.eventTime,
        receivedAt: each.receivedAt,
        latencyMicros,
        score,
        error: 'failure' in answer ? answer.failure : null,
        inputs,
      });
      if (each.role === 'direct') continue;
      const arm = {
        model: each.loaded.model,
        version: each.loaded.version,
        role: each.role,
        revision: each.revision,
        windowMilliseconds: each.windowMilliseconds,
        reference: each.loaded.reference,
      };
      const answered = { eventTime: each.eventTime, values: inputs, score, latencyMicros };
      if (!counters.count(arm, answered)) metrics.late.inc();
    }
    return rows;
  };

  const answerArm = async (items: readonly Waiting[]): Promise<void> => {
    for (const group of groupItems(items, rowsPerRun)) {
      try {
        const [first] = group;
        if (first) finish(group, await answerGroup(first.loaded.onnx, group));
      } catch (error) {
        for (const each of group) each.reject(error);
      }
      waitingRows -= group.reduce((sum, { rows }) => sum + rows, 0);
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
        const item = { ...prediction, resolve, reject };
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
export function rowId(id: string, row: number, rows: number): string {
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
