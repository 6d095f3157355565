import { goldenPredictions } from '../contracts/evaluation.js';
import { referenceProfile, type ReferenceProfile } from '../contracts/window-counts.js';
import type { Database } from '../db/connect.js';
import { servedVersionOf, type ServedVersion } from '../db/release/served-route.js';
import { openOnnxModel, type OnnxModel } from '../evaluation/onnx-model.js';
import type { ArtifactStore } from '../runtime/artifacts.js';
import type { Log } from '../runtime/log.js';

/** A version ready to answer. */
export interface LoadedModel {
  model: string;
  version: number;
  onnx: OnnxModel;
  reference: ReferenceProfile;
}

export interface ModelCache {
  /** Loads and warms a version, once however many ask. Throws VERSION_NOT_FOUND, ARTIFACT_…, ONNX_INVALID. */
  load(model: string, version: number): Promise<LoadedModel>;
  /** Says which versions a model's route needs; the others may be closed when they have been idle. */
  keep(model: string, versions: readonly number[]): void;
  close(): Promise<void>;
}

/** A version that left its route may still be answering what came before. */
const lingering = 60_000;
const warmUps = 50;

export function createModelCache({
  db,
  artifacts,
  log,
  idleVersions = 4,
}: {
  db: Database;
  artifacts: ArtifactStore;
  log: Log;
  idleVersions?: number;
}): ModelCache {
  const entries = new Map<string, { loaded: Promise<LoadedModel>; usedAt: number }>();
  const kept = new Map<string, readonly number[]>();
  const keyOf = (model: string, version: number): string => `${model}/${version}`;

  const closeIdle = (): void => {
    const needed = new Set(
      [...kept].flatMap(([model, versions]) => versions.map((version) => keyOf(model, version))),
    );
    const now = Date.now();
    const idle = [...entries]
      .filter(([key]) => !needed.has(key))
      .toSorted(([, a], [, b]) => b.usedAt - a.usedAt)
      .slice(idleVersions)
      .filter(([, { usedAt }]) => now - usedAt > lingering);
    for (const [key, { loaded }] of idle) {
      entries.delete(key);
      void loaded.then(({ onnx }) => onnx.close()).catch(() => {});
    }
  };

  return {
    async load(model, version) {
      const key = keyOf(model, version);
      let entry = entries.get(key);
      if (!entry) {
        // Used from now on: the newest version must not be the first to be closed as idle.
        const loaded = loadVersion({ db, artifacts, log }, model, version);
        entry = { loaded, usedAt: Date.now() };
        entries.set(key, entry);
        // A failed load is tried again by whoever asks next.
        entry.loaded.catch(() => entries.delete(key));
        closeIdle();
      }
      entry.usedAt = Date.now();
      return entry.loaded;
    },
    keep(model, versions) {
      for (const version of kept.get(model) ?? []) {
        const entry = entries.get(keyOf(model, version));
        if (entry) entry.usedAt = Date.now();
      }
      kept.set(model, versions);
      closeIdle();
    },
    async close() {
      const all = [...entries.values()];
      entries.clear();
      await Promise.allSettled(all.map(async ({ loaded }) => (await loaded).onnx.close()));
    },
  };
}

async function loadVersion(
  { db, artifacts, log }: { db: Database; artifacts: ArtifactStore; log: Log },
  model: string,
  version: number,
): Promise<LoadedModel> {
  const started = performance.now();
  const found = await servedVersionOf(db, model, version);
  const reference = referenceProfile.parse(await artifacts.readJson(found.reference));
  const onnx = await openOnnxModel({ path: await artifacts.localPath(found.artifact), threads: 1 });
  try {
    await warmUp(onnx, found, artifacts);
  } catch (error) {
    await onnx.close();
    throw error;
  }
  const milliseconds = Math.round(performance.now() - started);
  log.info('Version loaded and warmed', { model, version, milliseconds });
  return { model, version, onnx, reference };
}

/** Answers golden rows, singly and together: a cold process is ten times slower than a warm one. */
async function warmUp(
  onnx: OnnxModel,
  { golden }: ServedVersion,
  artifacts: ArtifactStore,
): Promise<void> {
  const { inputs, probabilities } = goldenPredictions.parse(await artifacts.readJson(golden));
  const rows = Math.min(probabilities.length, warmUps);
  const columnsOf = (from: number, to: number): Record<string, Float32Array | string[]> =>
    Object.fromEntries(
      onnx.inputs.map(({ name, datatype }) => {
        const values = (inputs[name] ?? []).slice(from, to);
        const column =
          datatype === 'BYTES' ? values.map(String) : Float32Array.from(values, Number);
        return [name, column];
      }),
    );
  for (let row = 0; row < rows; row += 1) await onnx.run(columnsOf(row, row + 1));
  if (rows > 0) await onnx.run(columnsOf(0, rows));
}
