import type { AskedTrial, StoppedAttempts, TrainModelResult } from '../../contracts/stages.js';
import type { DeliveryKey } from '../../contracts/stages.js';
import type { AwaitedMoney } from './await-money.js';
import { renderMoney } from './money-details.js';

/** A trial that only money stopped: it goes on from its last attempt when there is some. */
export interface UnpaidTrial {
  trial: AskedTrial;
  stopped: StoppedAttempts;
  trained: TrainModelResult;
}

/** What a search knows, and takes along when it continues as new, which it does only while no trial runs. */
export interface SearchState {
  begun: number;
  story: string[];
  /** Left out by searches from before they waited for money. */
  unpaid?: UnpaidTrial[];
  /** What a person is asked to pay for; left out or null while nobody is. */
  money?: AwaitedMoney | null;
}

/** The search in Markdown, as operators read it in the Temporal UI. */
export function renderSearch(
  key: DeliveryKey,
  { story, money }: SearchState,
  namespace: string,
): string {
  const { model, delivery } = key;
  return [
    `## Search for ${model}, delivery ${delivery}`,
    ...(money ? renderMoney(key, money, namespace) : []),
    ...story.map((each) => `- ${each}`),
    '',
    '```',
    `perennial trials ${model} ${delivery}`,
    '```',
  ].join('\n');
}
