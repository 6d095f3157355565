import {
  allHandlersFinished,
  CancellationScope,
  condition,
  defineSignal,
  getExternalWorkflowHandle,
  patched,
  setHandler,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import type {
  AskForMoneyInput,
  BudgetExtendedAnswer,
  LackingMoney,
  MoneyStanding,
} from '../../contracts/money-wait.js';
import type { ReleaseCommand } from '../../contracts/release.js';
import { atOnce } from '../at-once.js';
import { createDoors } from '../doors.js';
import { commandForm, refusal } from '../message-form.js';
import { pipeline, promptly } from '../offers.js';
import { attributes, nobodyAwaited } from '../search-attributes.js';

const hour = 3_600_000;
/** Milliseconds that a delivery waits for money before it ends without. */
const patience = 7 * 24 * hour;
/** Between two looks of its own: a budget has more room also when its month is over or another training ends. */
const lookEvery = hour;

/** To the delivery: what its training waits for, or that it waits no more. */
const trainingWaits = defineSignal<[unknown]>('trainingWaits');

/** What people see of the wait. Until when: ISO 8601. */
export type AwaitedMoney = LackingMoney & { until: string };

export interface MoneyWait {
  /** Waits until an attempt that only money ended can be followed by another; answers false where that did not come in time. */
  wait(stopped: Omit<AskForMoneyInput, 'until'>): Promise<boolean>;
  /** Whether the money is there already; asks nobody for it. */
  isThere(stopped: Omit<AskForMoneyInput, 'until'>): Promise<boolean>;
  /** Call it before the workflow ends, outside of any cancelled scope. */
  finish(): Promise<void>;
}

/** Opens `budgetExtended`, which has a wait look at once, and keeps what it awaits on show. */
export function createMoneyWait({
  prompt,
  show,
  onRefused,
}: {
  /** Look within the workflow's own task. */
  prompt: boolean;
  show: (awaited: AwaitedMoney | null, line?: string) => void;
  onRefused: () => void;
}): MoneyWait {
  let waiting = false;
  const inbox: { by: string; answer: (answer: BudgetExtendedAnswer) => void }[] = [];

  createDoors(onRefused).open<ReleaseCommand, BudgetExtendedAnswer>({
    name: 'budgetExtended',
    description: 'Look at once whether the money that is awaited is there.',
    form: commandForm,
    possible: () => {
      if (!waiting) throw refusal('MONEY_NOT_AWAITED', 'The training waits for no money now.');
    },
    take: ({ by }) => new Promise((answer) => inbox.push({ by, answer })),
  });

  async function wait(stopped: Omit<AskForMoneyInput, 'until'>): Promise<boolean> {
    const deadline = Date.now() + patience;
    const until = new Date(deadline).toISOString();
    waiting = true;
    let shown = false;
    let tells = false;
    try {
      for (;;) {
        const callers = inbox.splice(0);
        const standing = await look({ ...stopped, until });
        for (const { answer } of callers) answer(answerOf(standing));
        if (standing.covered) {
          const by =
            callers.length > 0 ? `, said ${callers.map((each) => each.by).join(', ')}` : '';
          show(null, `The money is there${by}: the training goes on.`);
          return true;
        }
        const { covered: _, ...lacking } = standing;
        const line = `Waits for money: the budget of ${lacking.budget} lacks ${lackOf(lacking)}.`;
        show({ ...lacking, until }, shown ? undefined : line);
        if (!shown) {
          upsertSearchAttributes(payerAwaited);
          tells = patched('delivery-told');
          if (tells) await tellDelivery({ ...lacking, until });
        }
        shown = true;
        if (Date.now() >= deadline) return false;
        const rest = Math.min(lookEvery, deadline - Date.now());
        const summary = `Wait for money: ${lacking.budget}`;
        await condition(() => inbox.length > 0, rest, { summary });
      }
    } finally {
      waiting = false;
      for (const { answer } of inbox.splice(0))
        answer({ covered: false, reason: 'The training waits for no money any more.' });
      show(null);
      if (shown) {
        upsertSearchAttributes(nobodyAwaited);
        if (tells) await CancellationScope.nonCancellable(() => tellDelivery(null));
      }
    }
  }

  function look(asked: AskForMoneyInput): Promise<MoneyStanding> {
    const summary = 'Look whether the money is there';
    return atOnce(
      prompt,
      () => promptly.askForMoney(asked),
      () => pipeline.askForMoney.executeWithOptions({ summary }, [asked]),
    );
  }

  return {
    wait,
    isThere: async (stopped) => (await look(stopped)).covered,
    finish: () => CancellationScope.nonCancellable(() => condition(allHandlersFinished)),
  };
}

const payerAwaited = [
  { key: attributes.awaitingApproval, value: true },
  { key: attributes.awaitingRole, value: 'payer' },
];

/** In a delivery: hears what its training waits for, null when for nothing any more. */
export function onTrainingWaits(show: (waits: string | null) => void): void {
  setHandler(trainingWaits, (waits) => show(typeof waits === 'string' ? waits : null));
}

/** Has the delivery that this training is of show what it waits for: it does not see its child's details. */
async function tellDelivery(awaited: AwaitedMoney | null): Promise<void> {
  const { parent } = workflowInfo();
  if (!parent) return;
  const waits =
    awaited &&
    `The training waits for money until ${awaited.until}: the budget of ${awaited.budget} lacks ${lackOf(awaited)}. \`${awaited.extend}\``;
  try {
    await getExternalWorkflowHandle(parent.workflowId).signal(trainingWaits, waits);
  } catch {
    // It has ended: nobody is left to show it.
  }
}

function answerOf(standing: MoneyStanding): BudgetExtendedAnswer {
  if (standing.covered) return { covered: true, reason: 'The training goes on.' };
  const { budget } = standing;
  return { covered: false, reason: `The budget of ${budget} still lacks ${lackOf(standing)}.` };
}

/** The least that lets it begin, and what serves. */
export function lackOf({ missing, serves }: LackingMoney): string {
  return serves === undefined ? missing : `${missing}; ${serves}`;
}
