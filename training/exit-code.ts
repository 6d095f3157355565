/** What to do after a trainer exited. The whole contract is here; docs/trainers.md shows it as a table. */
export type ExitJudgement = 'succeeded' | 'retry' | 'failed';

export interface Exit {
  code: number;
  outOfMemory: boolean;
  /** Our own count, from one. */
  attempt: number;
}

/** 65 (data) and 78 (configuration) are final; 75 and 143 resume from the checkpoint; 137 too unless memory ran out; 1 is tried once more. */
export function judgeExit({ code, outOfMemory, attempt }: Exit): ExitJudgement {
  switch (code) {
    case 0:
      return 'succeeded';
    case 75:
    case 143:
      return 'retry';
    case 137:
      return outOfMemory ? 'failed' : 'retry';
    case 1:
      return attempt === 1 ? 'retry' : 'failed';
    default:
      return 'failed';
  }
}

const meanings: Record<number, string> = {
  1: 'broke',
  65: 'found data it cannot use',
  75: 'asked to be tried again',
  78: 'found a configuration it cannot use',
  137: 'was killed',
  143: 'was told to stop',
};

/** For people, where the trainer itself left no sentence. */
export function describeExit({ code, outOfMemory }: Pick<Exit, 'code' | 'outOfMemory'>): string {
  if (outOfMemory) return `The trainer ran out of memory (exit code ${code}).`;
  return `The trainer ${meanings[code] ?? 'ended'} (exit code ${code}).`;
}
