import {
  ApplicationFailure,
  CancellationScope,
  continueAsNew,
  ContinueAsNew,
  defineQuery,
  executeChild,
  isCancellation,
  patched,
  setHandler,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import type { SearchAttributeUpdatePair } from '@temporalio/common';
import type { Decision } from '../../contracts/approval.js';
import type { Snapshot, Validation } from '../../contracts/dataset.js';
import type { DeliverModelInput, Stage } from '../../contracts/delivery.js';
import type { Evaluated } from '../../contracts/evaluation.js';
import { queries, workflowId } from '../../contracts/messages.js';
import type {
  DeliveryPlan,
  DeliveryResult,
  Registered,
  TrainedModel,
} from '../../contracts/stages.js';
import type { DeliveryPlanAnswer, DeliveryState } from '../../contracts/states.js';
import { atOnce, fewerTurns } from '../at-once.js';
import { awaitApproval } from './await-approval.js';
import { onTrainingWaits } from '../training/await-money.js';
import { createBoard } from '../board.js';
import { brokenContract } from './broken-contract.js';
import { takeDecisions } from './decisions.js';
import { renderDelivery } from './details.js';
import { endingOf, type Ending } from './ending.js';
import { openApproval, openState } from './state.js';
import { codeOf, refusedOutcome } from '../failures.js';
import { compute, pipeline, promptly } from '../offers.js';
import { requireDeliveryId } from '../own-id.js';
import { releaseVersion } from '../release/release-version.js';
import { compensate, type Compensation } from '../saga.js';
import { attributes, ended, nobodyAwaited } from '../search-attributes.js';
import type { trainModel } from '../training/train-model.js';

/** What a delivery takes along when it continues as new, which it does only while it waits for a person. */
interface Carried {
  state: DeliveryState;
  plan: DeliveryPlan;
  registered: Registered;
  undo: Compensation[];
  signals: number;
}

/**
 * Delivers one model once: ingest, validate, train, evaluate, register, approve, release. Ends with a result also where the answer is
 * no (contract, training, gate, person, canary); fails only where it was broken, and then everything begun is undone first.
 */
export async function deliverModel(
  input: DeliverModelInput & { carried?: Carried },
): Promise<DeliveryResult> {
  requireDeliveryId(input);
  const { carried } = input;
  const board = createBoard(carried?.state ?? openState(input), renderDelivery);
  const undo: Compensation[] = carried?.undo ?? [];
  const story = new CancellationScope();
  const fewer = patched(fewerTurns);
  let plan = carried?.plan ?? null;
  let cancelledBy: Decision | null = null;

  setHandler(defineQuery<DeliveryState>(queries.state), () => board.state);
  setHandler(defineQuery<DeliveryPlanAnswer>(queries.plan), () => plan);
  onTrainingWaits((waits) => board.change({ waits }));
  const decisions = takeDecisions({
    board,
    plan: () => plan,
    signalsBefore: carried?.signals ?? 0,
    onCancel(decision) {
      cancelledBy = decision;
      story.cancel();
    },
  });

  let failure: unknown;
  let ending: Ending;
  try {
    const told = await story.run(deliver);
    if ('registered' in told) {
      await decisions.finish();
      return await continueAsNew<typeof deliverModel>({ ...input, carried: told });
    }
    ending = told;
    finish(ending);
    const closing = { ...key(), ...ending };
    await CancellationScope.nonCancellable(() =>
      atOnce(
        fewer,
        () => promptly.closeDelivery(closing),
        () => pipeline.closeDelivery(closing),
      ),
    );
  } catch (error) {
    if (error instanceof ContinueAsNew) throw error;
    ending = endingOf(error, cancelledBy);
    const refused = refusedOutcome(error) !== null;
    if (!refused && cancelledBy === null) failure = error;
    finish(ending);
    const { outcome: delivery, explanation: reason } = ending;
    const failures = await compensate(undo, { delivery, release: 'aborted', reason });
    if (failures.length > 0)
      board.change({}, `Not everything could be undone: ${failures.join(' ')}`);
  }
  await decisions.finish();
  if (failure !== undefined) {
    if (isCancellation(failure)) throw failure;
    throw ApplicationFailure.nonRetryable(ending.explanation, codeOf(failure));
  }
  return { ...key(), ...ending, version: board.state.version };

  async function deliver(): Promise<Ending | Carried> {
    const registered = carried?.registered ?? (await makeVersion());
    return 'outcome' in registered ? registered : release(registered);
  }

  /** From the opening to a registered version, or to the refusal that ended it. */
  async function makeVersion(): Promise<Registered | Ending> {
    const opened = await open();
    const asked = { model: opened.model, delivery: opened.delivery, specDigest: opened.specDigest };

    enter('ingest', fewer ? shownFrom(opened) : []);
    const snapshot = await compute.ingestData.executeWithOptions(
      { summary: 'Keep a snapshot of the data' },
      [input.window ? { ...asked, window: input.window } : asked],
    );
    board.change(
      {},
      `Snapshot of ${snapshot.rows} rows, ${snapshot.window.from} to ${snapshot.window.to}`,
    );

    enter('validate');
    const validation = await compute.validateData.executeWithOptions(
      { summary: 'Check the data contract' },
      [{ ...asked, snapshot }],
    );
    board.change({}, `${validation.quarantined} of ${validation.rows} rows quarantined`);
    if (
      validation.channels === null ||
      validation.verdict === 'fail' ||
      validation.verdict === 'error'
    )
      return { outcome: 'contract-failed', explanation: brokenContract(validation) };

    enter('train');
    const { train, holdout } = validation.channels;
    const type = opened.training.search ? 'searchModel' : 'trainModel';
    const trained = await executeChild<typeof trainModel>(type, {
      workflowId: workflowId.train(opened.model, opened.delivery),
      workflowIdReusePolicy: 'REJECT_DUPLICATE',
      parentClosePolicy: 'REQUEST_CANCEL',
      staticSummary: `Train ${opened.model}, delivery ${opened.delivery}`,
      typedSearchAttributes: [{ key: attributes.model, value: opened.model }],
      args: [{ ...asked, channels: { train, holdout }, plan: opened.training, ...children() }],
    });
    if (trained.kind !== 'succeeded')
      return { outcome: 'training-failed', explanation: trained.reason };
    board.change({}, `Trained in ${trained.seconds.toFixed(1)} s, attempt ${trained.attempt}`);
    if (trained.note !== undefined) board.change({}, trained.note);
    return register(snapshot, validation, trained, holdout);
  }

  async function open(): Promise<DeliveryPlan> {
    const { carried: _, ...asked } = input;
    const { workflowId: id, firstExecutionRunId: firstRunId } = workflowInfo();
    const opening = { ...asked, workflowId: id, firstRunId };
    const summary = 'Give the delivery its number';
    const opened = await atOnce(
      fewer,
      () => promptly.openDelivery(opening),
      () => pipeline.openDelivery.executeWithOptions({ summary }, [opening]),
    );
    plan = opened;
    undo.push({ kind: 'closeDelivery', reference: key() });
    const asker = `${opened.trigger}, asked for by ${opened.requestedBy}`;
    board.change({ delivery: opened.delivery }, `Delivery ${opened.delivery}: ${asker}`);
    if (!fewer) upsertSearchAttributes(shownFrom(opened));
    return opened;
  }

  async function register(
    snapshot: Snapshot,
    validation: Validation,
    trained: TrainedModel,
    holdout: TrainedModel['model'],
  ): Promise<Registered | Ending> {
    const { specDigest, requestedBy } = planned();
    enter('evaluate');
    const evaluated: Evaluated = await compute.evaluateModel.executeWithOptions(
      { summary: 'Judge the model on the hold-out' },
      [{ ...key(), specDigest, trained, holdout }],
    );
    board.change({}, `Evaluation ${evaluated.verdict}: ${evaluated.summary}`);
    if (evaluated.verdict === 'fail' || evaluated.verdict === 'error')
      return { outcome: 'gate-failed', explanation: evaluated.summary };
    if (evaluated.verdict === 'inconclusive')
      board.change({}, 'The gates could not decide; a person has to.');

    board.change({ stage: 'register' });
    undo.push({ kind: 'withdrawApproval', reference: key() });
    const asked = { specDigest, snapshot, validation, trained, evaluated, requestedBy };
    const registering = { ...key(), ...asked };
    const summary = 'Register the version';
    const registered = await atOnce(
      fewer,
      () => promptly.registerVersion(registering),
      () => {
        enter('register');
        return pipeline.registerVersion.executeWithOptions({ summary }, [registering]);
      },
    );
    const approval = openApproval(registered, planned(), Date.now());
    board.change(
      { version: registered.version, approval, stage: 'approve' },
      `Version ${registered.version} registered. ${registered.automatic.reason}`.trim(),
    );
    return registered;
  }

  /** From a registered version to the end, or to continuing as new while it waits. */
  async function release(registered: Registered): Promise<Ending | Carried> {
    const {
      approval: policy,
      release: steps,
      specDigest,
      requestedBy,
      model,
      delivery,
    } = planned();
    const standing = await awaitApproval({
      board,
      policy,
      key: key(),
      mayContinue: decisions.idle,
    });
    if (standing === 'open')
      return {
        state: board.state,
        plan: planned(),
        registered,
        undo,
        signals: decisions.signals(),
      };
    if (standing !== 'approved')
      return { outcome: standing, explanation: board.state.story.at(-1) ?? standing };

    const { version, champion } = registered;
    board.change({ stage: 'release' });
    upsertSearchAttributes([{ key: attributes.stage, value: 'release' }, ...nobodyAwaited]);
    undo.push({ kind: 'restoreRoute', reference: { ...key(), champion, version } });
    const released = await releaseVersion(
      { model, delivery, version, champion, specDigest, requestedBy, ...steps, ...children() },
      board,
    );
    return {
      outcome: released.outcome === 'promoted' ? 'promoted' : 'rolled-back',
      explanation: released.reason,
    };
  }

  function enter(stage: Stage, more: SearchAttributeUpdatePair[] = []): void {
    board.change({ stage });
    upsertSearchAttributes([{ key: attributes.stage, value: stage }, ...more]);
  }

  /** The end as operators see it; the record follows. */
  function finish({ outcome, explanation }: Ending): void {
    board.change({ stage: 'done', outcome, explanation }, `${outcome}: ${explanation}`);
    upsertSearchAttributes(ended(outcome));
  }

  function planned(): DeliveryPlan {
    if (plan === null)
      throw ApplicationFailure.nonRetryable('The delivery is not open.', 'INTERNAL');
    return plan;
  }

  /** What our children are told of how we keep records. */
  function children(): { atOnce?: true } {
    return fewer ? { atOnce: true } : {};
  }

  function key(): { model: string; delivery: number } {
    return { model: input.model, delivery: plan?.delivery ?? 0 };
  }
}

function shownFrom({ model, team, trigger }: DeliveryPlan): SearchAttributeUpdatePair[] {
  return [
    { key: attributes.model, value: model },
    { key: attributes.team, value: team },
    { key: attributes.trigger, value: trigger },
  ];
}
