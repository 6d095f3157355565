import { evidence, type Evidence } from '../contracts/approval.js';
import type { ModelSpec } from '../contracts/spec.js';
import { digestOf } from '../runtime/digest.js';

/** What is voted on, and the digest that a vote must carry: sha256 of its canonical JSON. */
export function drawUpEvidence(facts: Omit<Evidence, 'schemaVersion'>): {
  content: Evidence;
  digest: string;
} {
  const content = evidence.parse({ schemaVersion: 1, ...facts });
  return { content, digest: digestOf(content) };
}

/** Digest of the rules that a version was judged by and is approved by. */
export function policyDigestOf({ evaluation, approval }: ModelSpec): string {
  return digestOf({ evaluation, approval });
}
