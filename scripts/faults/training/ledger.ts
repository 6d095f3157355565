import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

/** What the stepping trainer wrote down as it ran; steps count from one. */
export interface Line {
  word: 'began' | 'step' | 'saved' | 'stopped' | 'ended';
  attempt: number;
  /** Milliseconds since 1970. */
  at: number;
  step: number;
  /** Of `began`: the trainer's process, as it sees itself. */
  pid?: number;
  /** Of `began`: the GPUs that it was given. */
  devices?: number[];
}

export interface Ledger {
  read: () => Promise<Line[]>;
  close: () => Promise<void>;
}

/** A ledger in a file that outlives the jobs. */
export function openLedger(file: string): Ledger {
  return { read: async () => parseLines(await readText(file)), close: async () => {} };
}

/** A ledger in pieces that lie in the jobs' own folders and go with them: read again and again, and remembered. */
export function rememberLedger(files: readonly string[]): Ledger {
  const open = new AbortController();
  const pieces = new Map<string, string>();
  /** Of jobs that were lost with their machine, and began again under the same name. */
  const lost: string[] = [];
  const readAll = async () => {
    for (const file of files) {
      const [before = '', text] = [pieces.get(file), await readText(file)];
      if (text === '') continue;
      if (!text.startsWith(before)) lost.push(before);
      pieces.set(file, text);
    }
  };
  const watching = (async () => {
    for (; !open.signal.aborted; await sleep(50)) await readAll();
  })();
  return {
    read: async () => {
      await readAll();
      return parseLines([...lost, ...pieces.values()].join(''));
    },
    close: async () => {
      open.abort();
      await watching;
    },
  };
}

async function readText(file: string): Promise<string> {
  const text = await readFile(file, 'utf8').catch(() => '');
  // What follows the last end of a line is not written yet.
  return text.slice(0, text.lastIndexOf('\n') + 1);
}

function parseLines(text: string): Line[] {
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => {
      const [word = '', attempt, at, step, pid, devices] = line.split(' ');
      return {
        word: word as Line['word'],
        attempt: Number(attempt),
        at: Number(at),
        step: Number(step),
        ...(pid !== undefined && { pid: Number(pid) }),
        ...(devices !== undefined && { devices: numbersIn(devices) }),
      };
    });
}

/** Of `0,1`; none of a word. */
function numbersIn(text: string): number[] {
  return (text.match(/\d+/g) ?? []).map(Number);
}
