import type { ArtifactRef } from '../contracts/names.js';

/**
 * An object that is kept again when it is older than this counts as new, in milliseconds. Whoever removes what is older than twice that
 * takes nothing away that somebody has just found there and not yet written down.
 */
export const keptAnewAfter = 12 * 3_600_000;

/**
 * Where artifacts lie: addressed by content, written once, never changed. Two stores (a folder, S3) pass the same conformance suite.
 * Keeping the same bytes twice is harmless: the second call finds the first one's object, or replaces an old one by its equal.
 */
export interface ArtifactStore {
  /** Copies a file in. `kind` names it for people: snapshot, model, quarantine, report … */
  keepFile(path: string, kind: string): Promise<ArtifactRef>;
  keepBytes(bytes: Uint8Array | string, kind: string): Promise<ArtifactRef>;
  /** A local, read-only file with these bytes, verified against the digest. Throws ARTIFACT_NOT_FOUND or ARTIFACT_CORRUPT. */
  localPath(ref: ArtifactRef): Promise<string>;
  readJson(ref: ArtifactRef): Promise<unknown>;
  has(sha256: string): Promise<boolean>;
  list(): AsyncIterable<{ sha256: string; bytes: number; modifiedAt: Date }>;
  /** Removes an object unless it was kept, or kept anew, after `unlessKeptSince`; false then. A second run finds it gone. */
  remove(sha256: string, unlessKeptSince?: Date): Promise<boolean>;
}
