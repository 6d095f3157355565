import { afterEach, describe, expect, it, vi } from 'vitest';
import { createCommand, wholeNumber } from '../../scripts/command-line.js';

/** What the shell would be told, and what the person. */
function call(args: string[]): { code: unknown; said: string } {
  let said = '';
  const exit = vi.spyOn(process, 'exit').mockImplementation((code) => {
    throw new Error(`exit ${String(code)}`);
  });
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => Boolean((said += String(text))));
  vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  const command = createCommand('chaos').option('--lanes <number>', 'lanes', wholeNumber(1, 9), 3);
  command.command('training').option('--rounds <number>', 'rounds', wholeNumber(1), 50);
  expect(() => command.parse(args, { from: 'user' })).toThrow('exit');
  return { code: exit.mock.calls[0]?.[0], said };
}

describe('The command line of a script', () => {
  afterEach(() => vi.restoreAllMocks());

  it.each([
    [['training', '--rounds', '0'], '1 to 999999999'],
    [['--lanes', '10'], '1 to 9'],
    [['--lanes', 'many'], '1 to 9'],
    [['--lanes', '-1'], '1 to 9'],
    [['--lanes', '1.5'], '1 to 9'],
    [['training', '--bogus'], "unknown option '--bogus'"],
    [['podman'], 'podman'],
  ])('refuses %j with the exit code of a wrong call', (args, words) => {
    const { code, said } = call(args);
    expect(code).toBe(2);
    expect(said).toContain(words);
  });

  it('helps with the exit code of success', () => {
    expect(call(['--help'])).toEqual({ code: 0, said: '' });
  });
});
