import { stage as stages, type Stage } from '../../contracts/delivery.js';
import type { DeliveryDetail } from '../../contracts/overview.js';
import type { AttemptView } from '../../contracts/training-view.js';
import { awaitedSentence, sayApproval, standingOf } from '../evidence-view.js';
import { number, paint, paintVerdict, say } from '../output.js';
import { createScreen, sizeOf } from './screen.js';
import { renderWatch } from './watch-screen.js';

const turnMs = 120;
/** Milliseconds from one plain line about a training's steps to the next. */
const plainStepMs = 10_000;
/** Milliseconds between two looks at a training; where a look takes long, ten times as long as it took. */
const lookMs = 2_000;

/** What a terminal shows beside the delivery itself. */
export interface Looks {
  /** Seconds that stages took in earlier deliveries. */
  usual(model: string): Promise<Partial<Record<Stage, number>>>;
  /** The last attempt of a delivery's training. */
  attempt(model: string, number: number): Promise<AttemptView | null>;
}

/**
 * Shows a delivery while it runs: in a terminal a few lines that move and a finished line per stage; elsewhere a plain line for each
 * change. Returns the last thing seen, which has the outcome, or the question where it should stop at one.
 */
export async function followDelivery(
  details: AsyncIterable<DeliveryDetail>,
  {
    quiet,
    untilAsked = false,
    looks,
  }: { quiet: boolean; untilAsked?: boolean; looks?: Looks | undefined },
): Promise<DeliveryDetail | null> {
  const board = process.stdout.isTTY && !quiet ? createBoard(looks) : null;
  let last: DeliveryDetail | null = null;
  const told = new Set<string>();
  try {
    for await (const detail of details) {
      board?.clear();
      if (!quiet) sayChanges(detail, last, told);
      last = detail;
      if (untilAsked && asksAPerson(detail)) break;
      board?.show(detail);
    }
  } finally {
    board?.end();
  }
  if (last && !quiet) sayOutcome(last);
  return last;
}

/** The lines that move. What it looks up beside the delivery may fail: then it shows less. */
function createBoard(looks: Looks | undefined) {
  const screen = createScreen();
  let shown: { detail: DeliveryDetail; at: number } | null = null;
  let usual: Partial<Record<Stage, number>> | null = null;
  let attempt: AttemptView | null = null;
  let nextLook = 0;
  let frame = 0;

  async function look({ delivery: { model, number: of, stage } }: DeliveryDetail): Promise<void> {
    const began = Date.now();
    nextLook = Infinity;
    try {
      usual ??= (await looks?.usual(model)) ?? {};
      if (stage === 'train') attempt = (await looks?.attempt(model, of)) ?? null;
    } finally {
      nextLook = Date.now() + Math.max(lookMs, (Date.now() - began) * 10);
    }
  }

  function turn(): void {
    if (!shown || shown.detail.delivery.outcome !== null) return;
    const now = Date.now();
    if (now >= nextLook) look(shown.detail).catch(() => null);
    const { detail, at } = shown;
    const seen = { detail, attempt, usual: usual ?? {}, age: now - at };
    screen.draw(renderWatch({ ...seen, frame: (frame += 1), ...sizeOf() }));
  }

  const turning = setInterval(turn, turnMs);
  return {
    show(detail: DeliveryDetail): void {
      shown = { detail, at: Date.now() };
    },
    clear(): void {
      shown = null;
      screen.clear();
    },
    end(): void {
      clearInterval(turning);
      screen.clear();
    },
  };
}

/** Whether it waits for a person: for an approval, for money, or for what a release's judge could not decide. */
export function asksAPerson({ delivery, approval, release, money }: DeliveryDetail): boolean {
  if (delivery.outcome !== null) return false;
  return approval?.standing === 'open' || release?.status === 'waiting' || money !== undefined;
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
  for (const stage of stages.options) {
    const seconds = delivery.seconds[stage];
    if (seconds === undefined || (stage === delivery.stage && delivery.outcome === null)) continue;
    sayOnce(`end ${stage}`, () => say(`  ${stage.padEnd(9)} ${number(seconds)} s`));
  }
  if (delivery.stage === 'approve' && approval?.standing === 'open')
    sayOnce(`approval ${approval.evidence}`, () => {
      sayApproval(approval, detail.gates);
      const { model, evidence } = approval;
      say(`to answer: perennial approve ${model} --evidence ${evidence} --reason WHY`);
    });
  const { money, training } = detail;
  if (training && training.retried !== null)
    sayOnce(`attempt ${training.attempt}`, () =>
      say(`  attempt ${training.attempt - 1} ended: ${training.retried}`),
    );
  if (money && money.missing > 0)
    sayOnce(`money ${money.attempt}`, () => {
      say(`  ${awaitedSentence(money)}`);
      say(`to go on: ${money.extend} --reason WHY`);
    });
  const judged = detail.release?.lastJudgement;
  if (delivery.outcome === null && judged?.recommendation === 'ask')
    sayOnce(`question ${judged.step}/${judged.look}`, () => {
      say(`  the judge asks a person: ${judged.reason}`);
      say(`to promote: perennial approve ${delivery.model} --reason WHY; to roll back: reject`);
    });
  // In a terminal the moving lines tell where it stands.
  const standing = [delivery.stage, standingOf(detail)].filter(Boolean).join(': ');
  if (!process.stdout.isTTY && delivery.outcome === null && !money)
    sayOnce(`standing ${isStepping(detail) ? presentStretch() : standing}`, () =>
      say(`  ${standing}`),
    );
}

/** A step is no news where a training takes a million of them. */
function isStepping({ delivery, training, failing }: DeliveryDetail): boolean {
  return delivery.stage === 'train' && training?.step != null && !training.waits && !failing;
}

/** The present stretch of time, of which a training tells one step. */
function presentStretch(): string {
  return `in stretch ${Math.floor(Date.now() / plainStepMs)}`;
}

function sayOutcome({ delivery }: DeliveryDetail): void {
  if (delivery.outcome === null) return;
  const version = delivery.version === null ? '' : ` v${delivery.version}`;
  say(`${paintVerdict(delivery.outcome)}${version}: ${delivery.explanation}`);
  if (delivery.outcome === 'training-failed')
    say(`what the trainer wrote: perennial logs ${delivery.model} --delivery ${delivery.number}`);
}
