import type { DeliveryDetail } from '../contracts/overview.js';
import { sayApproval, standingOf } from './evidence-view.js';
import { number, paint, paintVerdict, say } from './output.js';

const frames = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];

/**
 * Shows a delivery while it runs: in a terminal one line that moves and a finished line per stage; elsewhere a plain line for each
 * change. Returns the last thing seen, which has the outcome, or the question where it should stop at one.
 */
export async function followDelivery(
  details: AsyncIterable<DeliveryDetail>,
  { quiet, untilAsked = false }: { quiet: boolean; untilAsked?: boolean },
): Promise<DeliveryDetail | null> {
  const terminal = process.stdout.isTTY && !quiet;
  let last: DeliveryDetail | null = null;
  let frame = 0;
  const told = new Set<string>();
  const turn = setInterval(() => {
    if (terminal && last && !last.delivery.outcome) drawLine(last, (frame += 1));
  }, 120);
  try {
    for await (const detail of details) {
      if (terminal) clearLine();
      if (!quiet) sayChanges(detail, last, told);
      last = detail;
      if (untilAsked && asksAPerson(detail)) break;
    }
  } finally {
    clearInterval(turn);
    if (terminal) clearLine();
  }
  if (last && !quiet) sayOutcome(last);
  return last;
}

/** Whether it waits for a person: for an approval, or for what a release's judge could not decide. */
export function asksAPerson({ delivery, approval, release }: DeliveryDetail): boolean {
  if (delivery.outcome !== null) return false;
  return approval?.standing === 'open' || release?.status === 'waiting';
}

function sayChanges(
  detail: DeliveryDetail,
  before: DeliveryDetail | null,
  told: Set<string>,
): void {
  const { delivery, approval } = detail;
  if (before === null) {
    const why = delivery.reason ? `: ${delivery.reason}` : '';
    say(`${paint('bold', delivery.model)} delivery ${delivery.number}, ${delivery.trigger}${why}`);
  }
  const sayOnce = (key: string, tell: () => void) => {
    if (told.has(key)) return;
    told.add(key);
    tell();
  };
  for (const [stage, seconds] of Object.entries(delivery.seconds).filter(
    ([each]) => each !== delivery.stage || delivery.outcome !== null,
  ))
    sayOnce(`end ${stage}`, () => say(`  ${stage.padEnd(9)} ${number(seconds)} s`));
  if (delivery.stage === 'approve' && approval?.standing === 'open')
    sayOnce(`approval ${approval.evidence}`, () => {
      sayApproval(approval, detail.gates);
      const { model, evidence } = approval;
      say(`to answer: perennial approve ${model} --evidence ${evidence} --reason WHY`);
    });
  const judged = detail.release?.lastJudgement;
  if (delivery.outcome === null && judged?.recommendation === 'ask')
    sayOnce(`question ${judged.step}/${judged.look}`, () => {
      say(`  the judge asks a person: ${judged.reason}`);
      say(`to promote: perennial approve ${delivery.model} --reason WHY; to roll back: reject`);
    });
  // In a terminal the moving line tells where it stands.
  const standing = [delivery.stage, standingOf(detail)].filter(Boolean).join(': ');
  if (!process.stdout.isTTY && delivery.outcome === null)
    sayOnce(`standing ${standing}`, () => say(`  ${standing}`));
}

function sayOutcome({ delivery }: DeliveryDetail): void {
  if (delivery.outcome === null) return;
  const version = delivery.version === null ? '' : ` v${delivery.version}`;
  say(`${paintVerdict(delivery.outcome)}${version}: ${delivery.explanation}`);
}

function drawLine(detail: DeliveryDetail, frame: number): void {
  const { delivery } = detail;
  const seconds = Math.round((Date.now() - Date.parse(delivery.openedAt)) / 1_000);
  const line = `${frames[frame % frames.length]} ${delivery.stage} ${seconds} s  ${standingOf(detail)}`;
  process.stdout.write(
    `\r\x1b[K${line.slice(0, Math.max(20, (process.stdout.columns ?? 80) - 1))}`,
  );
}

function clearLine(): void {
  process.stdout.write('\r\x1b[K');
}
