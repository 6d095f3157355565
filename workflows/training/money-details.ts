import { workflowId } from '../../contracts/messages.js';
import type { DeliveryKey } from '../../contracts/stages.js';
import { lackOf, type AwaitedMoney } from './await-money.js';
import { offer, signalLine, updateLine } from '../command-lines.js';

/** Which budget is awaited, as operators read it in the Temporal UI, with the lines that raise it and that have the training look again. */
export function renderMoney(
  { model, delivery }: DeliveryKey,
  awaited: AwaitedMoney,
  namespace: string,
): string[] {
  const { budget, limit, spent, held, needs, extend, until } = awaited;
  const door = { namespace, workflowId: workflowId.train(model, delivery), name: 'budgetExtended' };
  const words = { by: 'YOU', reason: 'WHY' };
  return [
    '### Money is awaited',
    `The training was stopped by the budget of **${budget}**, and goes on from its checkpoint once there is room for ${needs}.`,
    '',
    '- from: role **payer** (any principal)',
    `- limit: ${limit}; spent: ${spent}; held for running trainings: ${held}`,
    `- missing: ${lackOf(awaited)}`,
    `- until: ${until}; then the delivery ends without`,
    '',
    'YOU is your id, WHY your reason.',
    ...offer('raise the budget, after which the training goes on by itself', [
      `${extend} --as YOU --reason 'WHY'`,
    ]),
    ...offer(
      'have it look at once where the budget was raised otherwise; else it looks every hour',
      [updateLine(door, words), signalLine(door, words)],
    ),
  ];
}
