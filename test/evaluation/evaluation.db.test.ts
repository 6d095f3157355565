import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createEvaluationActivities } from '../../activities/evaluation.js';
import { createStagingActivities } from '../../activities/release/staging.js';
import { createVersionActivities } from '../../activities/version.js';
import { evaluationReport, goldenPredictions, type Evaluated } from '../../contracts/evaluation.js';
import type { ArtifactRef } from '../../contracts/names.js';
import type { EvaluateInput } from '../../contracts/stages.js';
import { referenceProfile } from '../../contracts/window-counts.js';
import { outbox } from '../../db/schema/outbox.js';
import { auditEntry } from '../../db/schema/audit.js';
import { approval } from '../../db/schema/approval.js';
import { gateVerdict } from '../../db/schema/evaluation.js';
import { alias, version } from '../../db/schema/version.js';
import { championOf } from '../../db/model/version.js';
import type { ArtifactStore } from '../../runtime/artifacts.js';
import { silentLog } from '../../runtime/log.js';
import { temporaryArtifacts } from '../support/artifacts.js';
import { freshDatabase, type FreshDatabase } from '../support/postgres.js';
import {
  endDelivery,
  flightSpec,
  keepHoldout,
  keepModel,
  model,
  openDelivery,
  registration,
  trained,
} from './delivery-under-test.js';

/** Refusals are asked for here: nobody needs to read them. */
const activityEnvironment = () =>
  new MockActivityEnvironment({}, { logger: new DefaultLogger('ERROR') });

describe('evaluating deliveries of a model', () => {
  let database: FreshDatabase;
  let artifacts: ArtifactStore;
  let holdout: ArtifactRef;
  const open: FreshDatabase[] = [];

  beforeAll(async () => {
    artifacts = await temporaryArtifacts();
    holdout = await keepHoldout(artifacts);
  });
  afterAll(() => Promise.all(open.map((each) => each.close())));

  async function begin(): Promise<void> {
    database = await freshDatabase();
    open.push(database);
  }

  function evaluate(input: EvaluateInput): Promise<Evaluated> {
    const { evaluateModel } = createEvaluationActivities({
      db: database.db,
      artifacts,
      log: silentLog,
    });
    return activityEnvironment().run(() => evaluateModel(input)) as Promise<Evaluated>;
  }

  const versionActivities = () =>
    createVersionActivities({ db: database.db, log: silentLog, codeRevision: 'test' });

  /** Evaluates and registers a fixture, and makes it champion when people have approved it. */
  async function deliver(name: string, run: string, spec = flightSpec()) {
    const key = await openDelivery(database.db, { run, spec });
    const modelRef = await keepModel(artifacts, name);
    const input = { ...key, trained: trained(modelRef), holdout };
    const evaluated = await evaluate(input);
    const versions = versionActivities();
    const registering = registration(key, { evaluated, modelRef, holdout });
    const registered = await versions.registerVersion(registering);
    const again = () => versions.registerVersion(registering);
    return { key, input, evaluated, registered, again };
  }

  async function promote(delivery: number, version: number): Promise<void> {
    await database.db.update(approval).set({ standing: 'approved' });
    await database.db
      .insert(alias)
      .values({ model, name: 'champion', version })
      .onConflictDoUpdate({ target: [alias.model, alias.name], set: { version } });
    await endDelivery(database.db, delivery);
  }

  it('the first version has no champion: the bars decide, and report, golden rows and reference are kept', async () => {
    await begin();
    const key = await openDelivery(database.db, { run: 'first' });
    const modelRef = await keepModel(artifacts, 'champion');
    const input = { ...key, trained: trained(modelRef), holdout };
    const evaluated = await evaluate(input);
    expect(evaluated.verdict).toBe('pass');
    expect(evaluated.championMetrics).toBeNull();
    expect(evaluated.summary).toContain('there is no champion yet');
    const report = evaluationReport.parse(await artifacts.readJson(evaluated.report));
    expect(report).toMatchObject({
      rows: 6_000,
      championSha256: null,
      modelSha256: modelRef.sha256,
    });
    const golden = goldenPredictions.parse(await artifacts.readJson(evaluated.golden));
    expect(golden.probabilities).toHaveLength(256);
    const reference = referenceProfile.parse(await artifacts.readJson(evaluated.reference));
    expect(reference).toMatchObject({ rows: 6_000, positives: report.positives });

    const repeated = await evaluate(input);
    expect(repeated).toEqual(evaluated);
    const gates = await database.db.select().from(gateVerdict);
    expect(gates.map(({ name }) => name).toSorted()).toEqual(['bar:roc_auc:atLeast', 'rows']);
    const entries = await database.db.select().from(auditEntry);
    expect(entries.filter(({ action }) => action === 'model.evaluated')).toHaveLength(1);
  });

  it('a challenger is compared with the champion on the same rows, passes when as good and fails when turned around', async () => {
    await begin();
    const first = await deliver('champion', 'one');
    await promote(first.key.delivery, first.registered.version);
    expect((await championOf(database.db, model))?.version).toBe(1);

    const same = await deliver('champion', 'two');
    expect(same.evaluated.verdict).toBe('pass');
    expect(same.evaluated.championMetrics).toEqual(same.evaluated.metrics);
    expect(same.registered).toMatchObject({ version: 2, champion: 1 });
    await endDelivery(database.db, same.key.delivery);

    const key = await openDelivery(database.db, { run: 'three' });
    const worse = await evaluate({
      ...key,
      trained: trained(await keepModel(artifacts, 'worse')),
      holdout,
    });
    expect(worse.verdict).toBe('fail');
    const failed = worse.gates.filter(({ verdict }) => verdict === 'fail').map(({ name }) => name);
    expect(failed).toContain('champion:roc_auc');
    expect(failed).toContain('bar:roc_auc:atLeast');
  });

  it('a champion that reads other features leaves the comparison to a person', async () => {
    await begin();
    const first = await deliver('champion', 'one');
    await promote(first.key.delivery, first.registered.version);
    const { data } = flightSpec();
    const features = data.features.map((each) =>
      each.name === 'hour' ? { ...each, expression: 'hour + 1' } : each,
    );
    const spec = flightSpec({ data: { ...data, features } });
    const second = await deliver('challenger', 'two', spec);
    expect(second.evaluated.verdict).toBe('inconclusive');
    expect(second.evaluated.summary).toContain('reads hour');
  });

  it('a model that is no ONNX, has other inputs or cannot answer ends the stage with its code', async () => {
    await begin();
    const key = await openDelivery(database.db, { run: 'bad' });
    const text = await artifacts.keepBytes('not a model', 'model');
    const wild = await keepModel(artifacts, 'not-a-probability');
    await expect(evaluate({ ...key, trained: trained(text), holdout })).rejects.toMatchObject({
      code: 'ONNX_INVALID',
    });
    await expect(evaluate({ ...key, trained: trained(wild), holdout })).rejects.toMatchObject({
      code: 'MODEL_FAILED',
    });
    expect(await database.db.select().from(gateVerdict)).toEqual([]);
  });

  it('registering twice, also at once, makes one version and one approval, and gives the same answer', async () => {
    await begin();
    const { registered, again } = await deliver('champion', 'one');
    const answers = await Promise.all([again(), again(), again()]);
    for (const answer of answers) expect(answer).toEqual(registered);
    expect(await database.db.select().from(version)).toHaveLength(1);
    const approvals = await database.db.select().from(approval);
    expect(approvals).toHaveLength(1);
    expect(approvals[0]).toMatchObject({ standing: 'open', evidence: registered.evidence });
    const told = await database.db.select().from(outbox);
    expect(told.find(({ type }) => type === 'approval.requested')?.payload).toMatchObject({
      to: approvals[0]?.policy.approvers,
      evidence: registered.evidence,
      expiresAt: approvals[0]?.expiresAt.toISOString(),
    });
    const entries = await database.db.select().from(auditEntry);
    expect(entries.filter(({ action }) => action === 'version.registered')).toHaveLength(1);
    expect(registered.summary).toMatch(
      /^flight-delay version 1 as the first version, asked for by ada \(drift\)\. Evaluation pass: ROC-AUC 0\.\d{4} on 6,000 rows/,
    );
  });

  it('only a condition that the spec states approves without a person, and only what passed', async () => {
    await begin();
    const automaticWhen = 'champion == null && candidate.roc_auc > 0.6';
    const willing = await deliver('champion', 'one', flightSpec({ approval: { automaticWhen } }));
    expect(willing.registered.automatic.approved).toBe(true);
    expect((await willing.again()).automatic).toEqual(willing.registered.automatic);
    await promote(willing.key.delivery, 1);

    const refusing = await deliver('champion', 'two', flightSpec({ approval: { automaticWhen } }));
    expect(refusing.registered.automatic).toEqual({
      approved: false,
      reason: `'${automaticWhen}' is false.`,
    });
    await endDelivery(database.db, refusing.key.delivery);

    const always = flightSpec({
      approval: { automaticWhen: 'true' },
      evaluation: { minimumRows: 9_000 },
    });
    const doubtful = await deliver('champion', 'three', always);
    expect(doubtful.evaluated.verdict).toBe('inconclusive');
    expect(doubtful.registered.automatic.approved).toBe(false);
    expect(doubtful.registered.automatic.reason).toContain('a person decides');
  });

  it('staging answers the golden rows as the evaluation did, and tells a version that does not', async () => {
    await begin();
    const first = await deliver('champion', 'one');
    const { checkStaging } = createStagingActivities({
      db: database.db,
      artifacts,
      log: silentLog,
    });
    const check = (version: number) =>
      activityEnvironment().run(() => checkStaging({ ...first.key, version }));
    expect(await check(1)).toMatchObject({ ok: true, compared: 256 });
    await endDelivery(database.db, first.key.delivery);

    // A version whose golden rows come from another model: what a runtime that answers differently looks like.
    const key = await openDelivery(database.db, { run: 'two' });
    const modelRef = await keepModel(artifacts, 'challenger');
    const evaluated = { ...first.evaluated };
    const versions = versionActivities();
    await versions.registerVersion(registration(key, { evaluated, modelRef, holdout }));
    expect(await check(2)).toMatchObject({ ok: false, compared: 256 });
    await expect(check(3)).rejects.toMatchObject({ code: 'VERSION_NOT_FOUND' });
  });
});
