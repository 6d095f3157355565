import {
  currentUpdateInfo,
  defineSignal,
  defineUpdate,
  patched,
  setHandler,
} from '@temporalio/workflow';
import { unkeepable } from '../contracts/keepable-text.js';
import { refusal } from './message-form.js';

/** One message of a workflow, open to updates and to signals of the same name. */
export interface Door<Message, Answer> {
  name: string;
  description: string;
  /** Throws a refusal for a message that is none. */
  form: (message: unknown) => Message;
  /** Throws a refusal for a message that is not possible now. */
  possible?: (message: Message) => void;
  /** Says of an impossible signal that it came too early and is kept by `take`: unlike an update's, its sender does not hear that it was. */
  early?: (message: Message) => boolean;
  /** More that an update can be told at once, but that a signal's record is worth writing for. */
  promising?: (message: Message) => void;
  /** Only enqueues; the promise is the answer of the main loop. */
  take: (message: Message, messageId: string) => Promise<Answer>;
}

export interface Doors {
  open<Message, Answer>(door: Door<Message, Answer>): void;
  /** Signals taken so far; carried across continue-as-new, so that their message ids stay unique. */
  signals: () => number;
}

/** Opens doors. A bad update is refused to its sender and leaves no history; a bad signal has nobody to tell, so `onRefused` counts it. */
export function createDoors(onRefused: (name: string) => void, signalsBefore = 0): Doors {
  let signals = signalsBefore;
  return {
    signals: () => signals,
    open<Message, Answer>({
      name,
      description,
      form,
      possible,
      early,
      promising,
      take,
    }: Door<Message, Answer>) {
      setHandler(
        defineUpdate<Answer, [Message]>(name),
        (message) => take(form(message), currentUpdateInfo()?.id ?? name),
        {
          // Synchronous on purpose: the engine ignores what a validator returns, so a promise would admit everything.
          validator: (message) => {
            const formed = form(message);
            if (isUnkeepable(formed)) throw cannotBeKept();
            possible?.(formed);
            promising?.(formed);
          },
          description,
        },
      );
      setHandler(
        defineSignal<[unknown]>(name),
        (message) => {
          signals += 1;
          try {
            const formed = form(message);
            // Before this guard such a signal was taken, and an activity tried to keep it for a day.
            if (isUnkeepable(formed) && patched('keepable-texts')) throw cannotBeKept();
            if (!early?.(formed)) possible?.(formed);
            // Nobody waits for the answer of a signal, and a refusal is recorded by the main loop.
            take(formed, `signal/${signals}`).catch(() => {});
          } catch {
            onRefused(name);
          }
        },
        { description },
      );
    },
  };
}

/** Messages are flat: a form lets nothing through that lies deeper. */
function isUnkeepable(message: unknown): boolean {
  const values = Object.values(Object(message) as Record<string, unknown>);
  return values.some((value) => typeof value === 'string' && unkeepable.test(value));
}

function cannotBeKept(): Error {
  return refusal(
    'INPUT_INVALID',
    'A text of the message holds a NUL or half of a surrogate pair, which nobody can keep.',
  );
}
