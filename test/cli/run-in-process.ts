import { vi } from 'vitest';
import { sayFailure } from '../../cli/failure.js';
import { createProgram } from '../../cli/program.js';

export interface Said {
  code: number;
  out: string;
  err: string;
}

/** Runs the command line in this process: how it would have ended, and what it said. */
export async function runInProcess(args: readonly string[]): Promise<Said> {
  const said: Said = { code: 0, out: '', err: '' };
  const listen = (to: 'out' | 'err') => (text: unknown) => Boolean((said[to] += String(text)));
  const spies = [
    vi.spyOn(process.stdout, 'write').mockImplementation(listen('out')),
    vi.spyOn(process.stderr, 'write').mockImplementation(listen('err')),
  ];
  try {
    await createProgram().parseAsync(args, { from: 'user' });
  } catch (error) {
    said.code = sayFailure(error, { json: args.includes('--json') });
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
  return said;
}
