import { z } from 'zod';
import { durationPattern } from './duration.js';

/** A model's name: part of workflow ids, table keys, folder names and URLs, so only what is legal in all of them. */
export const modelName = z
  .string()
  .regex(
    /^[a-z][a-z0-9-]{0,47}$/,
    'use 1-48 lower-case letters, digits and dashes, starting with a letter',
  );

/** Who acts. An id, never a person's name or address: it stays in histories and audit entries for ever. */
export const principalId = z
  .string()
  .regex(
    /^[a-z0-9][a-z0-9._:-]{0,63}$/,
    'use 1-64 lower-case letters, digits, dots, dashes, underscores, colons',
  );

/** A column or feature: safe to quote in SQL and legal as an ONNX input name. */
export const columnName = z
  .string()
  .regex(
    /^[A-Za-z_][A-Za-z0-9_]{0,62}$/,
    'use letters, digits and underscores, starting with a letter',
  );

export const sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'a sha256 is 64 lower-case hex digits');

export const duration = z
  .string()
  .regex(durationPattern, 'write a number and a unit: 500ms, 30s, 15m, 2h or 90d');

export const share = z.number().min(0).max(1);

/** An instant in ISO 8601, UTC. */
export const instant = z.iso.datetime({ offset: true });

/** Half-open stretch of event time, `from <= t < to`. */
export const timeWindow = z.strictObject({ from: instant, to: instant });
export type TimeWindow = z.infer<typeof timeWindow>;

/** The only thing that crosses Temporal for anything large: where it lies, what it must hash to, how long it is. */
export const artifactRef = z.strictObject({
  uri: z.string(),
  sha256,
  bytes: z.int().nonnegative(),
  schemaVersion: z.int().positive(),
});
export type ArtifactRef = z.infer<typeof artifactRef>;
