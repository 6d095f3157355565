import {
  allHandlersFinished,
  condition,
  defineQuery,
  makeContinueAsNewFunc,
  setCurrentDetails,
  setHandler,
  startChild,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import { queries, workflowId } from '../../contracts/messages.js';
import type {
  AssessDriftInput,
  AssessDriftResult,
  MonitorCarried,
  MonitorInput,
  MonitorResult,
} from '../../contracts/monitor.js';
import type { MonitorPlanAnswer, MonitorState } from '../../contracts/states.js';
import { historyIsLong } from '../board.js';
import type { deliverModel } from '../delivery/deliver-model.js';
import { renderMonitor } from './details.js';
import { openMonitorDoors } from './doors.js';
import type { Monitor } from './doors.js';
import { watched, watching } from '../offers.js';
import { requireMonitorId } from '../own-id.js';
import { attributes } from '../search-attributes.js';
import { historyLimit } from '../timeouts.js';

/**
 * Watches one model for years: a timer, one check, perhaps a retraining. Signals only set flags, so that a storm of them makes one
 * check; the delivery's id makes a second retraining impossible while one runs. Continues as new long before its history is long.
 */
export async function monitorModel(input: MonitorInput): Promise<MonitorResult> {
  requireMonitorId(input);
  const { model, carried, continueAfter = historyLimit } = input;
  const monitor: Monitor = { state: openState(input), retired: false, changed: false, acts: [] };
  const firstCheck = monitor.state.checks;
  const change = (update: Partial<MonitorState>) => {
    monitor.state = { ...monitor.state, ...update };
    setCurrentDetails(renderMonitor(monitor.state, workflowInfo().namespace));
  };
  change({});
  setHandler(defineQuery<MonitorState>(queries.state), () => monitor.state);
  setHandler(defineQuery<MonitorPlanAnswer>(queries.plan), () => ({
    every: interval(),
    continueAfter,
  }));
  openMonitorDoors(monitor, change);
  if (!carried)
    upsertSearchAttributes([
      { key: attributes.model, value: model },
      { key: attributes.stage, value: 'watch' },
    ]);

  for (;;) {
    await recordActs();
    // Only after a check: a run that does nothing but continue would never make one.
    const due =
      monitor.state.checks > firstCheck &&
      (historyIsLong(continueAfter) || workflowInfo().targetWorkerDeploymentVersionChanged);
    if (due) await condition(allHandlersFinished);
    // A monitor that was just retired has nothing to carry on with.
    if (due && !monitor.retired && !unrecorded()) return await renew();
    const cause = await nextCause();
    if (cause === 'retired') break;
    if (cause !== null) await check(cause);
  }
  await recordActs();
  change({ status: 'retired', nextCheckAt: null });
  await condition(allHandlersFinished);
  return { model, checks: monitor.state.checks, retrainings: monitor.state.retrainings };

  /** Waits until there is something to do; null when what was waited for has changed. */
  async function nextCause(): Promise<AssessDriftInput['cause'] | 'retired' | null> {
    monitor.changed = false;
    if (unrecorded()) return null;
    if (monitor.retired) return 'retired';
    if (monitor.state.paused) {
      change({ status: 'paused', nextCheckAt: null });
      await condition(() => monitor.retired || !monitor.state.paused || unrecorded());
      return null;
    }
    const first = !carried && monitor.state.lastReport === null;
    if (!woken() && !first) {
      const every = interval();
      change({ status: 'waiting', nextCheckAt: new Date(Date.now() + every).toISOString() });
      const summary = `Next check of ${model}`;
      const told = await condition(
        () => woken() || monitor.changed || monitor.retired || monitor.state.paused || unrecorded(),
        every,
        { summary },
      );
      if (told && !woken()) return null;
      if (monitor.retired || monitor.state.paused || unrecorded()) return null;
    }
    if (monitor.state.breached) return 'breach';
    return monitor.state.deliveryEnded && monitor.state.armed ? 'delivery-ended' : 'timer';
  }

  function woken(): boolean {
    return monitor.state.breached || (monitor.state.deliveryEnded && monitor.state.armed);
  }

  /** Somebody did something that is not recorded yet. */
  function unrecorded(): boolean {
    return monitor.acts.length > 0;
  }

  async function recordActs(): Promise<void> {
    for (let act = monitor.acts.shift(); act; act = monitor.acts.shift())
      await watched.recordMonitorAct.executeWithOptions({ summary: `${act.act} by ${act.by}` }, [
        act,
      ]);
  }

  async function check(cause: AssessDriftInput['cause']): Promise<void> {
    const number = monitor.state.checks + 1;
    // What comes from here on is newer than what this check sees, and asks for another one.
    change({ status: 'checking', breached: false, deliveryEnded: false, nextCheckAt: null });
    const { report, every, team, retraining } = await watching.assessDrift.executeWithOptions(
      { summary: `Check ${number}: ${cause}` },
      [{ model, check: number, cause }],
    );
    // An upsert is an event: a quiet check must cost none, so only a change of severity is worth one.
    if (report.severity !== monitor.state.lastReport?.severity)
      upsertSearchAttributes([
        { key: attributes.team, value: team },
        { key: attributes.driftScore, value: report.score },
      ]);
    change({ checks: number, every, lastReport: report, armed: false });
    if (retraining) await retrain(retraining);
  }

  /** Starts the delivery as a child that outlives us. One that runs already keeps us armed until it ends. */
  async function retrain({
    trigger,
    reason,
    window,
  }: NonNullable<AssessDriftResult['retraining']>): Promise<void> {
    const asked = { model, trigger, reason, requestedBy: 'perennial:monitor' };
    try {
      await startChild<typeof deliverModel>('deliverModel', {
        workflowId: workflowId.deliver(model),
        workflowIdReusePolicy: 'ALLOW_DUPLICATE',
        parentClosePolicy: 'ABANDON',
        staticSummary: `Retrain ${model}: ${trigger}`,
        staticDetails: reason,
        typedSearchAttributes: [
          { key: attributes.model, value: model },
          { key: attributes.trigger, value: trigger },
        ],
        args: [window ? { ...asked, window } : asked],
      });
      change({ retrainings: monitor.state.retrainings + 1 });
    } catch (error) {
      if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
      change({ armed: true });
    }
  }

  function renew(): Promise<never> {
    const { checks, retrainings, paused, every, everyOverride, armed } = monitor.state;
    const { breached, deliveryEnded, lastReport } = monitor.state;
    const next: MonitorCarried = {
      checks,
      retrainings,
      paused,
      every,
      everyOverride,
      armed,
      breached,
      deliveryEnded,
      lastReport,
    };
    // A pinned monitor lives for years, so this is where it moves to the newest build.
    const versioned = workflowInfo().currentDeploymentVersion?.buildId;
    const again = makeContinueAsNewFunc<typeof monitorModel>(
      versioned ? { initialVersioningBehavior: 'AUTO_UPGRADE' } : {},
    );
    return again({ model, continueAfter, carried: next });
  }

  function interval(): number {
    return monitor.state.everyOverride ?? monitor.state.every;
  }
}

function openState({ model, carried, checksBefore = 0 }: MonitorInput): MonitorState {
  const fresh: MonitorCarried = {
    checks: checksBefore,
    retrainings: 0,
    paused: false,
    every: 3_600_000,
    everyOverride: null,
    armed: false,
    breached: false,
    deliveryEnded: false,
    lastReport: null,
  };
  return {
    model,
    status: 'waiting',
    nextCheckAt: null,
    refusedMessages: 0,
    ...(carried ?? fresh),
  };
}
