import type { InferRequest } from '../../contracts/serving.js';
import { randomFrom } from '../../statistics/random.js';

/** Features of the model that peers/make_model.py grows. */
export const features = [
  { name: 'hour', type: 'number' },
  { name: 'weekday', type: 'number' },
  { name: 'distance', type: 'number' },
  { name: 'origin', type: 'category' },
  { name: 'destination', type: 'category' },
] as const;

export interface FlightColumns extends Record<string, Float32Array | string[]> {
  hour: Float32Array;
  weekday: Float32Array;
  distance: Float32Array;
  origin: string[];
  destination: string[];
}

/** Flights by lot, the same for the same seed; one airport in twenty is unknown to the model. */
export function drawFlights(rows: number, seed: string): FlightColumns {
  const random = randomFrom(`flights/${seed}`);
  const whole = (from: number, to: number) => from + Math.floor(random() * (to - from));
  const numbers = (from: number, to: number) =>
    Float32Array.from({ length: rows }, () => whole(from, to));
  const airports = () =>
    Array.from({ length: rows }, () => `A${String(whole(0, 42)).padStart(2, '0')}`);
  return {
    hour: numbers(0, 24),
    weekday: numbers(1, 8),
    distance: numbers(80, 2_600),
    origin: airports(),
    destination: airports(),
  };
}

/** One request for one flight. */
export function requestOf(flights: FlightColumns, row: number): InferRequest {
  return {
    parameters: { entity: `aircraft-${row}` },
    inputs: features.map(({ name, type }) => ({
      name,
      shape: [1, 1],
      datatype: type === 'number' ? 'FP32' : 'BYTES',
      data: [flights[name][row] ?? null],
    })),
  };
}
