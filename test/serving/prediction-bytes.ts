import { encodeAnswers, type PredictionRow } from '../../db/serving/prediction-tuple.js';

/** Rows as a gateway's journal holds them, each with the number it has, also where they do not follow each other. */
export function encodePredictions(rows: readonly PredictionRow[]): Buffer {
  return Buffer.concat(
    rows.map((row) => encodeAnswers([row], { ...row, sequence: row.sequence - 1 })),
  );
}
