import { and, eq, max, sql } from 'drizzle-orm';
import type { Evidence } from '../../contracts/approval.js';
import type { VersionView } from '../../contracts/delivery.js';
import type { MetricValues } from '../../contracts/evaluation.js';
import type { ArtifactRef } from '../../contracts/names.js';
import type { ApprovalPolicy } from '../../contracts/spec.js';
import { milliseconds } from '../../contracts/duration.js';
import type { DeliveryKey, Registered } from '../../contracts/stages.js';
import { appendAudit } from '../audit.js';
import type { Database, Transaction } from '../connect.js';
import { loadApproval } from '../delivery/approval.js';
import { enterStage, leaveStage } from '../delivery/stage.js';
import { addToOutbox } from '../outbox.js';
import { approval } from '../schema/approval.js';
import { policyDecision } from '../schema/evaluation.js';
import { model } from '../schema/spec.js';
import { version } from '../schema/version.js';

export interface Registration extends DeliveryKey {
  artifact: ArtifactRef;
  golden: ArtifactRef;
  reference: ArtifactRef;
  evidence: { content: Evidence; digest: string };
  metrics: MetricValues;
  lineage: VersionView['lineage'];
  champion: number | null;
  policy: ApprovalPolicy;
  requestedBy: string;
  /** What a person is asked to say yes to; the number is known only in the transaction. */
  summarise: (version: number) => string;
  /** Asked once, with the number: the spec's own condition for approving by itself. Null when it states none. */
  decide: (version: number) => AutomaticDecision | null;
}

export interface AutomaticDecision {
  engine: string;
  expression: string;
  input: Record<string, unknown>;
  result: boolean;
  reason: string;
}

const automaticDecision = 'automatic-approval';

/**
 * Writes a version with its lineage and opens its approval, in one transaction. A delivery has one version: registering it again
 * changes nothing and gives the first answer.
 */
export async function registerOnce(db: Database, given: Registration): Promise<Registered> {
  return db.transaction(async (tx) => {
    // Numbers of one model are given one after the other.
    await tx.select().from(model).where(eq(model.name, given.model)).for('update');
    const registered = (await findRegistered(tx, given)) ?? (await writeVersion(tx, given));
    await markWaiting(tx, given);
    return registered;
  });
}

async function findRegistered(tx: Transaction, given: Registration): Promise<Registered | null> {
  const opened = await loadApproval(tx, given);
  if (!opened) return null;
  const [decision] = await tx
    .select()
    .from(policyDecision)
    .where(
      and(
        eq(policyDecision.model, given.model),
        eq(policyDecision.delivery, given.delivery),
        eq(policyDecision.name, automaticDecision),
      ),
    );
  return {
    version: opened.version,
    evidence: opened.evidence,
    champion: given.champion,
    automatic: answerOf(decision ?? null),
    summary: opened.summary,
  };
}

/** From now on the delivery waits for people, or for its release where none are needed. */
async function markWaiting(tx: Transaction, { model, delivery }: DeliveryKey): Promise<void> {
  const key = { model, delivery };
  const standing = (await loadApproval(tx, key))?.standing;
  await enterStage(tx, key, 'approve');
  if (standing === 'open') return;
  await leaveStage(tx, key, 'approve');
  if (standing === 'approved') await enterStage(tx, key, 'release');
}

async function writeVersion(tx: Transaction, given: Registration): Promise<Registered> {
  const key = { model: given.model, delivery: given.delivery };
  const [newest] = await tx
    .select({ version: max(version.version) })
    .from(version)
    .where(eq(version.model, given.model));
  const number = (newest?.version ?? 0) + 1;
  const summary = given.summarise(number);
  const decision = given.decide(number);
  const automatic = answerOf(decision);
  await tx.insert(version).values({
    ...key,
    version: number,
    artifact: given.artifact,
    golden: given.golden,
    reference: given.reference,
    evidence: given.evidence.digest,
    evidenceContent: given.evidence.content,
    metrics: given.metrics,
    lineage: given.lineage,
  });
  if (decision)
    await tx.insert(policyDecision).values({ ...key, name: automaticDecision, ...decision });
  const expireAfter = milliseconds(given.policy.expireAfter) / 1_000;
  const [opened] = await tx
    .insert(approval)
    .values({
      ...key,
      version: number,
      evidence: given.evidence.digest,
      policy: given.policy,
      requestedBy: given.requestedBy,
      summary,
      standing: automatic.approved ? 'approved' : 'open',
      expiresAt: sql`now() + make_interval(secs => ${expireAfter})`,
      closedAt: automatic.approved ? sql`now()` : null,
    })
    .returning({ expiresAt: approval.expiresAt });
  const subject = `${given.model} v${number}`;
  const told = { ...key, version: number, evidence: given.evidence.digest, summary };
  const type = automatic.approved ? 'approval.granted' : 'approval.requested';
  await addToOutbox(tx, {
    key: `${type}/${given.model}/${given.delivery}`,
    type,
    subject,
    payload: automatic.approved
      ? { ...told, reason: automatic.reason }
      : {
          ...told,
          to: given.policy.approvers,
          quorum: given.policy.quorum,
          expiresAt: opened?.expiresAt.toISOString(),
        },
  });
  await appendAudit(tx, {
    actor: given.requestedBy,
    action: 'version.registered',
    subject,
    detail: { ...told, artifact: given.artifact.sha256, lineage: given.lineage },
  });
  if (decision) {
    await appendAudit(tx, {
      actor: 'policy',
      action: decision.result ? 'approval.granted' : 'approval.left-to-people',
      subject,
      detail: { ...key, ...decision },
    });
  }
  return {
    version: number,
    evidence: given.evidence.digest,
    champion: given.champion,
    automatic,
    summary,
  };
}

function answerOf(
  decision: Pick<AutomaticDecision, 'result' | 'reason'> | null,
): Registered['automatic'] {
  if (!decision) return { approved: false, reason: '' };
  return { approved: decision.result, reason: decision.reason };
}
