import { describe, expect, test } from 'vitest';
import { createProgram } from '../../cli/program.js';
import { runInProcess } from './run-in-process.js';

describe('the command line', () => {
  test.each<[string, string[]]>([
    ['an unknown command', ['delivr']],
    ['an unknown option', ['list', '--colour']],
    ['a missing argument', ['deliver']],
    ['one argument too many', ['watch', 'churn', 'flights']],
    ['a missing reason', ['reject', 'churn']],
    ['a rollback without a reason', ['rollback', 'churn']],
    [
      'a rollback from a version that is none',
      ['rollback', 'churn', '--from', '0', '--reason', 'x'],
    ],
    ['a cancellation without a reason', ['cancel', 'churn']],
    ['a rank that is none', ['logs', 'churn', '--rank', '-1']],
    ['a number that is none', ['watch', 'churn', '--delivery', 'last']],
    ['a choice that is none', ['deliver', 'churn', '--if-running', 'perhaps']],
    ['a time that is none', ['logs', 'churn', '--since', 'yesterday']],
    ['a delivery of no model', ['audit', '--delivery', '3']],
    ['an act that is none', ['monitor', 'churn', 'stop']],
    ['an interval that is none', ['monitor', 'churn', 'configure', '--every', 'often']],
    ['a configuration without an interval', ['monitor', 'churn', 'configure']],
    ['a length of time below none', ['logs', 'churn', '--since', '-3']],
    ['a negative limit', ['budget', 'set', 'model', 'churn', '--hard', '-5']],
    ['a limit that is no number', ['budget', 'set', 'model', 'churn', '--soft', 'much']],
    ['a budget without a limit', ['budget', 'set', 'model', 'churn']],
    [
      'a period that is none',
      ['budget', 'set', 'team', 'growth', '--hard', '5', '--period', 'day'],
    ],
    [
      'a currency that is none',
      ['budget', 'set', 'team', 'growth', '--hard', '5', '--currency', 'X'],
    ],
    ['a negative extension', ['budget', 'extend', 'model', 'churn', '--by', '-3']],
    ['a scope that is none', ['budget', 'extend', 'person', 'ann', '--by', '3']],
    ['half a window', ['deliver', 'churn', '--from', '2001-01-01T00:00:00Z']],
  ])('exits with 2 for %s', async (_, args) => {
    const { code, out, err } = await runInProcess(args);
    expect(code).toBe(2);
    expect(err).not.toBe('');
    expect(out).toBe('');
  });

  test('says a wrong call as one JSON document where that was asked for', async () => {
    const call = ['watch', 'churn', '--json', '--delivery', 'last'];
    const { code, out } = await runInProcess(call);
    expect(code).toBe(2);
    expect(JSON.parse(out)).toMatchObject({ error: { code: 'USAGE' } });
  });

  test('has every command of the loop', () => {
    const names = createProgram().commands.map((command) => command.name());
    const promised =
      'init check apply deliver cancel list show watch approve reject promote pause resume abort extend rollback predict drift monitor retire audit logs trials lineage cost budget prices up down status';
    expect(names.toSorted()).toEqual(promised.split(' ').toSorted());
  });

  test.each(createProgram().commands.map((command) => [command.name()]))(
    '%s helps with examples and has --json',
    async (name) => {
      const { code, out } = await runInProcess([name, '--help']);
      expect(code).toBe(0);
      expect(out).toMatch(new RegExp(`Examples:\\n {2}\\$ .*perennial ${name}`));
      expect(out).toContain('--json');
    },
  );
});
