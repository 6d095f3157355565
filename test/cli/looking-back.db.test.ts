import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { driftReport } from '../../contracts/drift.js';
import { appendAudit } from '../../db/audit.js';
import { registerSpec } from '../../db/model/spec.js';
import { applicationOf } from '../api/remembered.js';
import { startProgram, type ProgramInProcess } from './program-in-process.js';

let program: ProgramInProcess;
beforeAll(async () => {
  program = await startProgram();
  for (const model of ['churn', 'churn-later']) {
    const { spec, contract, base, by } = applicationOf(model);
    await registerSpec(program.db, { content: { spec, contract, base }, by });
  }
});
afterAll(() => program.close());

const reportOf = (check: number) =>
  driftReport.parse({
    schemaVersion: 1,
    model: 'churn',
    version: 3,
    check,
    window: { from: '2001-01-01T00:00:00.000Z', to: '2001-01-02T00:00:00.000Z' },
    rows: 900,
    verdict: 'fail',
    severity: 'major',
    score: 0.31,
    findings: [
      {
        family: 'input',
        name: 'distance',
        verdict: 'fail',
        severity: 'major',
        psi: 0.3123456,
        p: 0.00001,
        unseen: 0,
        rows: 900,
        reason: 'It moved by half a standard deviation.',
      },
    ],
    performance: {
      rows: 40,
      positives: 8,
      meanScore: 0.2,
      logLoss: 0.41,
      expectedLogLoss: 0.4,
      lower: -0.01,
      upper: 0.03,
    },
    decision: { action: 'retrain', trigger: 'drift', reason: 'One feature of two has moved.' },
    at: '2001-01-02T00:00:00.000Z',
  });

describe('`perennial drift`', () => {
  it('says that there was no check yet', async () => {
    expect(await program.perennial('drift', 'churn')).toEqual({
      code: 0,
      out: 'The monitor of churn has made no check yet.\n',
      err: '',
    });
  });

  it('shows the newest check feature by feature and those before it in a line each', async () => {
    for (const check of [1, 2])
      await program.db.execute(sql`
        INSERT INTO drift_report (model, check_number, version, report) VALUES ('churn', ${check}, 3, ${reportOf(check)})`);
    const { out } = await program.perennial('drift', 'churn');
    expect(out).toMatch(/^churn v3, check 2: fail, 900 rows, 2001-01-01/);
    expect(out).toContain('retrain: One feature of two has moved.');
    expect(out).toContain('labels    40, log loss 0.41, expected 0.4');
    expect(out).toMatch(/input +distance +fail +major +0\.3123 +0\.00001 +0 +It moved by half/);
    expect(out).toMatch(/\n2 +.* ago +v3 +900 +fail +major +0\.31 +retrain\n1 /);
    const one = await program.perennial('drift', 'churn', '--last', '1', '--json');
    expect(JSON.parse(one.out)).toMatchObject({ reports: [{ check: 2 }], retrainings: 0 });
  });

  it('is refused with a code for a model that is not there, and for more than there can be', async () => {
    const nowhere = await program.perennial('drift', 'nobody');
    expect(nowhere).toMatchObject({ code: 1, out: '' });
    expect(nowhere.err).toContain('MODEL_NOT_FOUND');
    expect((await program.perennial('drift', 'churn', '--last', '501')).err).toContain(
      'INPUT_INVALID',
    );
  });
});

describe('`perennial audit`', () => {
  it('tells how a delivery ended, and why', async () => {
    const explanation = 'Cancelled by ada: enough';
    const detail = { outcome: 'cancelled', explanation };
    const fact = {
      actor: 'perennial',
      action: 'delivery.closed',
      subject: 'churn-later/9',
      detail,
    };
    await program.db.transaction((tx) => appendAudit(tx, fact));
    const { out } = await program.perennial('audit', 'churn-later', '--delivery', '9');
    expect(out).toMatch(
      /delivery\.closed {2}churn-later\/9: cancelled: Cancelled by ada: enough\n$/,
    );
  });

  it('tells who did what, of all or of one model, by one principal, since a while', async () => {
    const lineOf = (model: string) =>
      new RegExp(`\\d+ {2}\\S+Z {2}ada {2}spec.applied {2}${model}\n`);
    const all = await program.perennial('audit');
    for (const model of ['churn', 'churn-later']) expect(all.out).toMatch(lineOf(model));
    const one = await program.perennial('audit', 'churn', '--by', 'ada', '--since', '1h');
    expect(one.out).toMatch(lineOf('churn'));
    expect(one.out.trim().split('\n')).toHaveLength(1);
    const json = await program.perennial('audit', 'churn-later', '--by', 'ada', '--json');
    expect(JSON.parse(json.out)).toMatchObject({ entries: [{ action: 'spec.applied' }] });
    for (const none of [
      ['--by', 'bob'],
      ['--delivery', '4'],
      ['--since', '2100-01-01T00:00:00Z'],
    ])
      expect((await program.perennial('audit', 'churn', ...none)).out).toBe(
        'Nothing of that kind was done.\n',
      );
  });

  it('recomputes the chain, and nothing narrower than it', async () => {
    expect((await program.perennial('audit', '--verify')).out).toBe('The chain holds.\n');
    expect(await program.perennial('audit', 'churn', '--verify')).toMatchObject({ code: 2 });
    expect(await program.perennial('audit', 'No Model')).toMatchObject({ code: 1, out: '' });
  });
});

describe('`perennial monitor`', () => {
  it('is refused for a model that is not there, and says so where Temporal is away', async () => {
    expect((await program.perennial('monitor', 'nobody', 'pause')).err).toContain(
      'MODEL_NOT_FOUND',
    );
    expect((await program.perennial('monitor', 'churn')).err).toContain('TEMPORAL_UNAVAILABLE');
    const short = await program.perennial('monitor', 'churn', 'configure', '--every', '1ms');
    expect(short.err).toContain('give 1s to 366d');
  });
});
