import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { ModelSpecInput } from '../../contracts/spec.js';
import type { ArtifactRef } from '../../contracts/names.js';
import type { EvaluateInput, RegisterInput } from '../../contracts/stages.js';
import type { Evaluated } from '../../contracts/evaluation.js';
import type { Database } from '../../db/connect.js';
import { closeDeliveryRow, openDeliveryRow } from '../../db/delivery/delivery.js';
import type { ArtifactStore } from '../../runtime/artifacts.js';
import { giveSpec } from '../support/given-model.js';
import { givenSpec } from '../support/given-spec.js';
import { keepRows } from '../support/parquet.js';

export const model = 'flight-delay';

/** A spec of the flights that the ONNX fixtures understand. */
export function flightSpec(overrides: Partial<ModelSpecInput> = {}) {
  return givenSpec(model, {
    team: 'operations',
    owner: 'ada',
    data: {
      source: { format: 'parquet', path: 'flights.parquet', timeColumn: 'date' },
      entity: 'origin',
      features: [
        { name: 'distance', type: 'number' },
        { name: 'hour', type: 'number' },
        { name: 'origin', type: 'category' },
      ],
      label: { expression: 'delay > 15' },
      contract: 'contract.yaml',
    },
    evaluation: { bars: { roc_auc: { atLeast: 0.6 } }, slices: ['origin'], margin: 0.02 },
    ...overrides,
  });
}

/** Registers a spec and opens the model's next delivery; the one before must have ended. */
export async function openDelivery(
  db: Database,
  { spec = flightSpec(), run }: { spec?: ReturnType<typeof flightSpec>; run: string },
): Promise<{ model: string; delivery: number; specDigest: string }> {
  const specDigest = await giveSpec(db, spec, { base: '/models' });
  const { number } = await openDeliveryRow(db, {
    model,
    requestedBy: 'ada',
    trigger: 'drift',
    workflowId: `deliver/${model}`,
    firstRunId: run,
    specDigest,
  });
  return { model, delivery: number, specDigest };
}

export async function endDelivery(db: Database, delivery: number): Promise<void> {
  await closeDeliveryRow(db, { model, delivery, outcome: 'promoted', explanation: 'done' });
}

/** Rows whose labels follow the fixture `champion.onnx`: the truth it was made to tell. */
export async function keepHoldout(artifacts: ArtifactStore, rows = 6_000): Promise<ArtifactRef> {
  return keepRows(
    artifacts,
    `SELECT *, (hash(i + 1000000) % 1000000) / 1000000.0
        < 1 / (1 + exp(-(0.0003 * distance + 0.05 * hour + effect - 2.2))) AS label
    FROM (
      SELECT i, 'flight ' || i AS entity, TIMESTAMP '2001-01-01' + to_seconds(i) AS event_time,
        (hash(i) % 3000)::FLOAT AS distance, (i % 24)::INTEGER AS hour,
        ['ATL', 'ORD', 'DEN', 'SEA'][1 + (hash(i + 7) % 4)::INTEGER] AS origin,
        [0.4, 0.8, 0.0, -0.5][1 + (hash(i + 7) % 4)::INTEGER] AS effect
      FROM range(${rows}) rows(i)
    ) flights ORDER BY i`,
  );
}

export async function keepModel(artifacts: ArtifactStore, name: string): Promise<ArtifactRef> {
  const path = fileURLToPath(new URL(`./fixtures/${name}.onnx`, import.meta.url));
  return artifacts.keepBytes(await readFile(path), 'model');
}

export function trained(reference: ArtifactRef): EvaluateInput['trained'] {
  return {
    kind: 'succeeded',
    model: reference,
    manifest: { ...reference, sha256: 'e'.repeat(64) },
    metrics: {},
    environment: 'sha256:requirements',
    seconds: 1,
    attempt: 1,
  };
}

/** What registering is given after an evaluation. */
export function registration(
  key: { model: string; delivery: number; specDigest: string },
  {
    evaluated,
    modelRef,
    holdout,
  }: { evaluated: Evaluated; modelRef: ArtifactRef; holdout: ArtifactRef },
): RegisterInput {
  const window = { from: '2001-01-01T00:00:00Z', to: '2001-02-01T00:00:00Z' };
  return {
    ...key,
    requestedBy: 'ada',
    trained: trained(modelRef),
    evaluated,
    snapshot: {
      digest: '5'.repeat(64),
      manifest: holdout,
      window,
      rows: 30_000,
      bytes: 1,
      created: true,
    },
    validation: {
      verdict: 'pass',
      checks: [],
      rows: 30_000,
      quarantined: 12,
      quarantine: null,
      examples: [],
      channels: { train: holdout, holdout, trainRows: 24_000, holdoutRows: 6_000 },
    },
  };
}
