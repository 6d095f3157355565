import type { GoldenPredictions } from '../contracts/evaluation.js';
import type { StagingResult } from '../contracts/stages.js';
import { randomFrom } from '../statistics/random.js';
import type { OnnxColumns, OnnxModel } from './onnx-model.js';

type Columns = Readonly<Record<string, Float32Array | string[]>>;

/** Takes up to `count` rows of a hold-out by lot (the same for the same seed), in their order, with the answers given to them. */
export function pickGolden(
  columns: Columns,
  scores: Float64Array,
  { count, seed }: { count: number; seed: string },
): GoldenPredictions {
  const random = randomFrom(`golden/${seed}`);
  const rows = [...scores.keys()]
    .filter((row) =>
      Object.values(columns).every(
        (column) => column[row] !== Infinity && column[row] !== -Infinity,
      ),
    )
    .map((row) => ({ row, lot: random() }))
    .toSorted((a, b) => a.lot - b.lot)
    .slice(0, count)
    .map(({ row }) => row)
    .toSorted((a, b) => a - b);
  const inputs = Object.entries(columns).map(([name, column]) => [
    name,
    rows.map((row) => {
      const value = column[row] ?? null;
      return Number.isNaN(value) ? null : value;
    }),
  ]);
  return {
    schemaVersion: 1,
    inputs: Object.fromEntries(inputs) as GoldenPredictions['inputs'],
    probabilities: rows.map((row) => scores[row] ?? 0),
  };
}

/** Asks a loaded model the golden rows, one by one and all at once, and compares with the evaluation's answers. */
export async function checkGolden(
  model: OnnxModel,
  golden: GoldenPredictions,
  tolerance: number,
): Promise<StagingResult> {
  const columns = readColumns(model, golden);
  const compared = golden.probabilities.length;
  if (compared === 0) {
    return {
      ok: false,
      compared,
      largestDifference: 0,
      reason: 'There are no golden rows to compare.',
    };
  }
  const batch = await model.run(columns);
  let largestDifference = 0;
  for (const [row, expected] of golden.probabilities.entries()) {
    const [alone] = await model.run(rowOf(columns, row));
    for (const answer of [alone, batch[row]]) {
      largestDifference = Math.max(largestDifference, Math.abs((answer ?? Number.NaN) - expected));
    }
  }
  const ok = largestDifference <= tolerance;
  const reason = `${compared} golden rows, asked one by one and at once, differ from the evaluation by at most ${largestDifference.toExponential(1)}; ${tolerance} is allowed.`;
  return { ok, compared, largestDifference, reason };
}

function readColumns(model: OnnxModel, { inputs }: GoldenPredictions): OnnxColumns {
  return Object.fromEntries(
    model.inputs.map(({ name, datatype }) => {
      const values = inputs[name] ?? [];
      return [
        name,
        datatype === 'FP32'
          ? Float32Array.from(values, (value) => (value === null ? Number.NaN : Number(value)))
          : values.map(String),
      ];
    }),
  );
}

function rowOf(columns: OnnxColumns, row: number): OnnxColumns {
  return Object.fromEntries(
    Object.entries(columns).map(([name, column]) => [name, column.slice(row, row + 1)]),
  );
}
