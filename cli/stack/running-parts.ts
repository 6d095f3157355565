import { supervise, type Running } from '../../runtime/supervise.js';
import type { NotedPart } from './notes.js';

export interface ReadyPart extends NotedPart {
  /** From its start to its first sign of life; 0 for what ran already. */
  milliseconds: number;
  /** Why it needed no start: `adopted` from a killed predecessor, `given` by a setting or by another part. */
  origin: 'started' | 'adopted' | 'given';
}

/** Engines, workers, doors: each stands on the one before. */
export type Floor = 0 | 1 | 2;

export interface RunningParts {
  notes: () => NotedPart[];
  given: (name: string, address: string) => Promise<void>;
  start: <T extends Running & { adopted?: boolean }>(
    name: string,
    floor: Floor,
    start: (previous?: T) => Promise<T>,
  ) => Promise<T>;
  /** Floor by floor from the highest, so that nobody loses what it stands on. */
  stop: () => Promise<void>;
}

/** The parts of a stack under supervision; each change is written down before it is told. */
export function createRunningParts({
  write,
  onPart,
  onNotice,
}: {
  write: (parts: NotedPart[]) => Promise<void>;
  onPart: (part: ReadyPart) => void;
  onNotice: (part: string, sentence: string) => void;
}): RunningParts {
  const parts: { note: () => NotedPart; stop: () => Promise<void>; floor: Floor }[] = [];
  const notes = () => parts.map((part) => part.note());
  let writing = Promise.resolve();
  const tell = async (part: ReadyPart) => {
    writing = writing.then(() => write(notes()));
    await writing;
    onPart(part);
  };

  return {
    notes,
    given: async (name, address) => {
      parts.push({ note: () => ({ name, address }), stop: () => Promise.resolve(), floor: 0 });
      await tell({ name, address, milliseconds: 0, origin: 'given' });
    },
    start: async <T extends Running & { adopted?: boolean }>(
      name: string,
      floor: Floor,
      start: (previous?: T) => Promise<T>,
    ) => {
      let began = Date.now();
      const supervised = await supervise<T>({
        start: (previous) => {
          began = Date.now();
          return start(previous);
        },
        onNotice: (sentence) => onNotice(name, sentence),
        onRestart: () => void tell(ready()),
      });
      const note = (): NotedPart => {
        const { pid, started, address } = supervised.current();
        return { name, address, pid, started };
      };
      const ready = (): ReadyPart => {
        const origin = supervised.current().adopted === true ? 'adopted' : 'started';
        return { ...note(), origin, milliseconds: origin === 'adopted' ? 0 : Date.now() - began };
      };
      parts.push({ note, stop: supervised.stop, floor });
      await tell(ready());
      return supervised.current();
    },
    stop: async () => {
      for (const floor of [2, 1, 0]) {
        await Promise.all(parts.filter((part) => part.floor === floor).map((part) => part.stop()));
      }
      await writing;
    },
  };
}
