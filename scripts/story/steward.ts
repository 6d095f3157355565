import { setTimeout as sleep } from 'node:timers/promises';
import { PerennialError, type Perennial } from '../../client/index.js';
import type { ApprovalView } from '../../contracts/approval.js';
import type { DeliveryView } from '../../contracts/delivery.js';
import type { DriftReport } from '../../contracts/drift.js';
import type { DeliveryDetail } from '../../contracts/overview.js';
import type { Narrator } from './narrator.js';

/** The person at the desk: sees every delivery pass, tells of it, and answers approvals, or says how to. */
export interface Steward {
  deliveries(): DeliveryView[];
  stop(): Promise<void>;
}

export interface StewardOptions {
  perennial: Perennial;
  model: string;
  narrator: Narrator;
  /** Who approves by itself; null leaves it to whoever sits at the terminal. */
  approver: string | null;
}

export function startSteward({ perennial, model, narrator, approver }: StewardOptions): Steward {
  const known = new Map<number, DeliveryView>();
  const answered = new Set<number>();
  const told = new Set<string>();
  let running = true;

  const tellOnce = (key: string, line: string): void => {
    if (told.has(key)) return;
    told.add(key);
    narrator.say(line);
  };

  const answer = async (open: ApprovalView): Promise<void> => {
    if (answered.has(open.delivery)) return;
    answered.add(open.delivery);
    narrator.say(`  #${open.delivery} waits for a person: ${open.summary}`);
    narrator.say(
      `     evidence ${open.evidence.slice(0, 16)}…, requested by ${open.requestedBy}, needs ${open.quorum} of ${open.approvers.join(', ')}`,
    );
    if (approver === null) {
      narrator.say(`     approve it from another terminal:`);
      narrator.say(
        `     ./scripts/perennial approve ${model} --as ${open.approvers[0] ?? 'dispatcher'} --evidence ${open.evidence} --reason "read the numbers"`,
      );
      return;
    }
    const admitted = await perennial.approve(model, {
      by: approver,
      reason: 'The demo approves by itself (--yes).',
      evidence: open.evidence,
      idempotencyKey: `demo-${open.delivery}`,
    });
    narrator.say(`     ${approver} approves: ${admitted.reason}`);
  };

  /** A check a second would drown the story: only what changed is told. */
  let lastTold = '';
  const tellOfCheck = ({ check, rows, verdict, severity, decision }: DriftReport): void => {
    const seen = verdict === 'inconclusive' ? 'too few to judge' : `drift ${severity}`;
    const told = `${seen} ${decision.action}`;
    if (rows === 0 || told === lastTold) return;
    lastTold = told;
    narrator.say(
      `  monitor, check ${check}: ${rows} predictions, ${seen}, ${decision.action}. ${shorten(decision.reason)}`,
    );
  };

  const look = async (): Promise<void> => {
    const detail = await perennial.showModel(model);
    for (const delivery of detail.recentDeliveries.toSorted((a, b) => a.number - b.number)) {
      const before = known.get(delivery.number);
      known.set(delivery.number, delivery);
      if (!before)
        narrator.say(
          `  #${delivery.number} begins (${delivery.trigger}): ${delivery.reason || 'no reason given'}`,
        );
      if (before?.outcome !== null && before) continue;
      for (const line of progressOf(await perennial.showDelivery(model, delivery.number))) {
        tellOnce(`${delivery.number} ${line}`, `  #${delivery.number} ${line}`);
      }
      if (delivery.outcome !== null) {
        tellOnce(
          `${delivery.number} outcome`,
          `  #${delivery.number} ends: ${delivery.outcome}. ${delivery.explanation}`,
        );
      }
    }
    if (detail.approval?.standing === 'open') await answer(detail.approval);
    if (detail.lastReport) tellOfCheck(detail.lastReport);
  };

  const loop = (async () => {
    while (running) {
      await look().catch((error: unknown) => {
        if (error instanceof PerennialError && error.code === 'MODEL_NOT_FOUND') return;
        if (running)
          narrator.say(
            `  (looking again: ${error instanceof Error ? error.message : String(error)})`,
          );
      });
      await sleep(250);
    }
  })();

  return {
    deliveries: () => [...known.values()],
    stop: async () => {
      running = false;
      await loop;
    },
  };
}

function shorten(text: string): string {
  return text.length > 200 ? `${text.slice(0, 199)}…` : text;
}

/** What a delivery has reached, in lines that appear one after the other. */
function progressOf({ delivery, gates, release }: DeliveryDetail): string[] {
  const lines = Object.entries(delivery.seconds)
    .filter(
      ([stage]) =>
        ['ingest', 'validate', 'train', 'evaluate'].includes(stage) && stage !== delivery.stage,
    )
    .map(([stage, seconds]) => `${stage} took ${seconds.toFixed(1)} s`);
  for (const gate of gates) lines.push(`gate ${gate.name}: ${gate.verdict}. ${gate.reason}`);
  const step = release?.steps[release.step];
  if (release && release.endedAt === null && step?.kind === 'canary') {
    lines.push(
      `canary v${release.version} gets ${Math.round(step.share * 100)} % of the traffic, as much as its baseline`,
    );
  }
  return lines;
}
