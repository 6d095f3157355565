import type { ArtifactRef } from '../contracts/names.js';

/**
 * Where artifacts lie: addressed by content, written once, never changed. Two stores (a folder, S3) pass the same conformance suite.
 * Keeping the same bytes twice is harmless: the second call finds the first one's object.
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
  remove(sha256: string): Promise<void>;
}
