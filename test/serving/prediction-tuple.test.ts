import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodePredictions, type PredictionRow } from '../../db/serving/prediction-tuple.js';
import { encodePredictions } from './prediction-bytes.js';

const time = fc.integer({ min: -62_000_000_000_000, max: 250_000_000_000_000 });
const text = fc.string({ unit: 'grapheme', maxLength: 30 });
const row: fc.Arbitrary<PredictionRow> = fc.record({
  model: text,
  id: text,
  gateway: text,
  epoch: fc.maxSafeNat(),
  sequence: fc.maxSafeNat(),
  version: fc.nat(),
  role: text,
  revision: fc.nat(),
  entity: text,
  eventTime: time,
  receivedAt: time,
  latencyMicros: fc.nat(),
  score: fc.option(fc.double({ noNaN: true })),
  error: fc.option(text),
  inputs: fc
    .dictionary(text, fc.oneof(fc.integer(), text, fc.constant(null)))
    .map((inputs) => ({ ...inputs })),
});

describe('tuples of predictions', () => {
  it('are read back as they were written', () => {
    fc.assert(
      fc.property(fc.array(row, { maxLength: 6 }), (rows) => {
        const bytes = encodePredictions(rows);
        const decoded = decodePredictions(bytes);
        expect(decoded.rows).toEqual(rows);
        expect(decoded.end).toBe(bytes.length);
      }),
    );
  });

  it('cut anywhere give the whole ones before the cut', () => {
    fc.assert(
      fc.property(fc.array(row, { minLength: 1, maxLength: 4 }), fc.nat(), (rows, at) => {
        const bytes = encodePredictions(rows);
        const cut = bytes.subarray(0, at % bytes.length);
        const { rows: whole, end } = decodePredictions(cut);
        expect(whole).toEqual(rows.slice(0, whole.length));
        expect(whole.length).toBeLessThan(rows.length);
        expect(encodePredictions(whole).equals(cut.subarray(0, end))).toBe(true);
      }),
    );
  });

  it('end at bytes that are none, as after a power cut', () => {
    expect(decodePredictions(Buffer.alloc(64))).toEqual({ rows: [], end: 0 });
  });
});
