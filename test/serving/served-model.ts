import { fileURLToPath } from 'node:url';
import { sql } from 'drizzle-orm';
import type { ArtifactRef } from '../../contracts/names.js';
import type { InferRequest, Route } from '../../contracts/serving.js';
import type { Database } from '../../db/connect.js';
import { buildReferenceProfile } from '../../drift/reference.js';
import { openOnnxModel } from '../../evaluation/onnx-model.js';
import type { ArtifactStore } from '../../runtime/artifacts.js';

export const features = [
  { name: 'distance', type: 'number' },
  { name: 'hour', type: 'number' },
  { name: 'origin', type: 'category' },
] as const;

const origins = ['ATL', 'ORD', 'DEN', 'SEA'];

/** Rows as flights are: distances, hours, airports. */
export function flightColumns(rows: number) {
  return {
    distance: Float32Array.from({ length: rows }, (_, row) => 100 + ((row * 137) % 2_400)),
    hour: Float32Array.from({ length: rows }, (_, row) => row % 24),
    origin: Array.from({ length: rows }, (_, row) => origins[row % origins.length] ?? 'ATL'),
  };
}

/** A model with one version an ONNX file of test/evaluation/fixtures, registered as the pipeline would. */
export async function registerModel(
  db: Database,
  artifacts: ArtifactStore,
  { model, files, window = '1m' }: { model: string; files: readonly string[]; window?: string },
): Promise<void> {
  const digest = model.padEnd(64, '0');
  const content = JSON.stringify({ spec: { model, monitoring: { window } } });
  await db.execute(sql`INSERT INTO model (name, team) VALUES (${model}, 'tests')`);
  await db.execute(sql`
    INSERT INTO spec (digest, model, content, registered_by) VALUES (${digest}, ${model}, ${content}, 'tests')`);
  await db.execute(sql`UPDATE model SET current_spec = ${digest} WHERE name = ${model}`);
  for (const [index, file] of files.entries()) {
    await registerVersion(db, artifacts, { model, version: index + 1, file, digest });
  }
}

async function registerVersion(
  db: Database,
  artifacts: ArtifactStore,
  {
    model,
    version,
    file,
    digest,
  }: { model: string; version: number; file: string; digest: string },
): Promise<void> {
  const path = fixture(file);
  const refs = await describeVersion(artifacts, path);
  await db.execute(sql`
    INSERT INTO delivery (model, number, workflow_id, first_run_id, trigger, requested_by, spec_digest, stage, outcome, closed_at)
    VALUES (${model}, ${version}, ${`deliver/${model}`}, ${`${model}/${version}`}, 'manual', 'tests', ${digest}, 'done', 'promoted', now())`);
  await db.execute(sql`
    INSERT INTO version (model, version, delivery, artifact, reference, golden, evidence, evidence_content, metrics, lineage)
    VALUES (${model}, ${version}, ${version}, ${JSON.stringify(refs.artifact)}, ${JSON.stringify(refs.reference)},
      ${JSON.stringify(refs.golden)}, ${digest}, '{}', '{}', '{}')`);
}

async function describeVersion(
  artifacts: ArtifactStore,
  path: string,
): Promise<Record<'artifact' | 'reference' | 'golden', ArtifactRef>> {
  const columns = flightColumns(200);
  const onnx = await openOnnxModel({ path: fixture('champion.onnx'), threads: 1 });
  const probabilities = Array.from(await onnx.run(columns));
  await onnx.close();
  const reference = buildReferenceProfile({
    features,
    columns,
    scores: Float64Array.from(probabilities),
    labels: Uint8Array.from(probabilities, (_, row) => row % 2),
  });
  const inputs = Object.fromEntries(
    Object.entries(columns).map(([name, column]) => [name, Array.from<number | string>(column)]),
  );
  const golden = { schemaVersion: 1, inputs, probabilities };
  return {
    artifact: await artifacts.keepFile(path, 'model'),
    reference: await artifacts.keepBytes(JSON.stringify(reference), 'reference'),
    golden: await artifacts.keepBytes(JSON.stringify(golden), 'golden'),
  };
}

function fixture(file: string): string {
  return fileURLToPath(new URL(`../evaluation/fixtures/${file}`, import.meta.url));
}

/** Adds the next revision, as a release would. */
export async function moveRoute(
  db: Database,
  { model, revision, arms }: { model: string; revision: number; arms: Route['arms'] },
): Promise<void> {
  await db.execute(sql`
    INSERT INTO route (model, revision, salt, arms, act, reason)
    VALUES (${model}, ${revision}, ${`salt of ${model}`}, ${JSON.stringify(arms)}, ${`test/${revision}`}, 'a test')`);
}

/** The body of a request about rows of `flightColumns`. */
export function inferBody(
  rows: number,
  { id, parameters, origin }: Pick<InferRequest, 'id' | 'parameters'> & { origin?: string } = {},
): InferRequest {
  const columns = flightColumns(rows);
  const shape = [rows, 1];
  return {
    ...(id !== undefined && { id }),
    ...(parameters && { parameters }),
    inputs: [
      { name: 'distance', datatype: 'FP32', shape, data: Array.from(columns.distance) },
      { name: 'hour', datatype: 'FP32', shape, data: Array.from(columns.hour) },
      {
        name: 'origin',
        datatype: 'BYTES',
        shape,
        data: origin === undefined ? columns.origin : columns.origin.map(() => origin),
      },
    ],
  };
}

export async function post(
  address: string,
  path: string,
  body: unknown,
): Promise<{ status: number; body: Record<string, unknown> }> {
  const response = await fetch(`${address}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}
