import { z } from 'zod';
import { artifactRef, sha256, timeWindow } from './names.js';
import { finding, verdict } from './verdict.js';

export const columnStatistics = z.strictObject({
  name: z.string(),
  type: z.string(),
  nulls: z.int().nonnegative(),
  /** As DuckDB prints them; null for an empty column. */
  minimum: z.string().nullable(),
  maximum: z.string().nullable(),
});

/** An immutable copy of the source's rows in one time window. Its identity is the digest of this manifest. */
export const snapshotManifest = z.strictObject({
  schemaVersion: z.literal(1),
  /** Part of the identity: another writer may lay the same rows out differently. */
  writer: z.string(),
  source: z.strictObject({ format: z.enum(['parquet', 'csv']), path: z.string() }),
  window: timeWindow,
  files: z.array(z.strictObject({ artifact: artifactRef, rows: z.int().nonnegative() })).min(1),
  rows: z.int().nonnegative(),
  bytes: z.int().nonnegative(),
  columns: z.array(columnStatistics),
  /** Rows of a CSV that could not be read at all; they go to quarantine with their reasons. */
  rejected: z.int().nonnegative(),
  /** Parquet of those rows (`file`, `line`, `text`, `reasons`); null when there are none. */
  rejects: artifactRef.nullable(),
});
export type SnapshotManifest = z.infer<typeof snapshotManifest>;

export const snapshot = z.strictObject({
  digest: sha256,
  manifest: artifactRef,
  window: timeWindow,
  rows: z.int().nonnegative(),
  bytes: z.int().nonnegative(),
  /** False when the same digest was already kept. */
  created: z.boolean(),
  /** Whether somebody asked for this window, rather than for the newest rows: freshness is then judged against its end. */
  windowAsked: z.boolean().optional(),
});
export type Snapshot = z.infer<typeof snapshot>;

/** What the contract's one scan found, and what training and evaluation may use. */
export const validation = z.strictObject({
  verdict,
  checks: z.array(finding),
  rows: z.int().nonnegative(),
  quarantined: z.int().nonnegative(),
  /** Parquet of the bad rows with a `reasons` column; null when there are none. */
  quarantine: artifactRef.nullable(),
  /** A few bad rows in words, for people. */
  examples: z.array(z.string()),
  /** Prepared rows (entity, event_time, features, label); null when the contract failed. */
  channels: z
    .strictObject({
      train: artifactRef,
      holdout: artifactRef,
      trainRows: z.int().nonnegative(),
      holdoutRows: z.int().nonnegative(),
    })
    .nullable(),
});
export type Validation = z.infer<typeof validation>;

/** Names of the columns every prepared Parquet file has beside the features. Prepared values are never null: a missing number is NaN, a missing category ''. */
export const preparedColumns = { entity: 'entity', time: 'event_time', label: 'label' } as const;
