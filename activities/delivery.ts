import { deliverModelInput } from '../contracts/delivery.js';
import { milliseconds } from '../contracts/duration.js';
import { PerennialError } from '../contracts/errors.js';
import type { RegisteredSpec } from '../contracts/spec.js';
import type { CloseDeliveryInput, DeliveryPlan, OpenDeliveryInput } from '../contracts/stages.js';
import type { DeliveryEnded } from '../contracts/monitor.js';
import type { Database } from '../db/connect.js';
import { closeDeliveryRow, openDeliveryRow } from '../db/delivery/delivery.js';
import { lastCheckNumber, modelIsServed } from '../db/janitor.js';
import { currentSpec, loadSpec } from '../db/model/spec.js';
import { listOpenAttempts } from '../db/training/training.js';
import { planRelease } from '../release/plan.js';
import type { DeliveryActivities } from './index.js';

/** How a delivery's end reaches the model's monitor. `start` also starts one where none runs. */
export interface MonitorDoor {
  tell(model: string, ended: DeliveryEnded, start: { checksBefore: number } | null): Promise<void>;
}

/** How the janitor is asked to come before its time. */
export interface JanitorDoor {
  call(): Promise<void>;
}

export function createDeliveryActivities({
  db,
  monitors,
  janitor,
}: {
  db: Database;
  monitors: MonitorDoor;
  janitor: JanitorDoor;
}): DeliveryActivities {
  /**
   * Gives the delivery its number and reads the spec's words for the workflow. A second run finds the number by the chain's first run
   * id. Throws INPUT_INVALID, MODEL_NOT_FOUND, MODEL_RETIRED, SPEC_NOT_FOUND.
   */
  async function openDelivery({
    workflowId,
    firstRunId,
    ...given
  }: OpenDeliveryInput): Promise<DeliveryPlan> {
    const asked = deliverModelInput.safeParse(given);
    if (!asked.success) {
      const issue = asked.error.issues[0];
      throw new PerennialError('INPUT_INVALID', `${issue?.path.join('.')}: ${issue?.message}.`);
    }
    const { model, specDigest } = asked.data;
    const current = specDigest ? await loadSpec(db, specDigest) : await currentSpec(db, model);
    if (current.spec.model !== model)
      throw new PerennialError(
        'SPEC_NOT_FOUND',
        `Spec ${current.digest} is one of '${current.spec.model}', not of '${model}'.`,
      );
    const opened = await openDeliveryRow(db, {
      ...asked.data,
      specDigest: current.digest,
      workflowId,
      firstRunId,
    });
    // Opened before and run again: the spec may have changed since, the delivery's has not.
    const registered =
      opened.specDigest === current.digest ? current : await loadSpec(db, opened.specDigest);
    return planOf(registered, {
      model,
      delivery: opened.number,
      trigger: asked.data.trigger,
      requestedBy: asked.data.requestedBy,
    });
  }

  /**
   * Records the outcome, then tells the monitor; for a model that is served it also starts one. Where an attempt to train is still open, as
   * one is whose workers were away when the delivery was cancelled, the janitor is called to stop its job. A second run finds the outcome
   * recorded, tells the monitor once more, which only makes it look again, and has the janitor find nothing to do.
   */
  async function closeDelivery(input: CloseDeliveryInput): Promise<void> {
    const { model, delivery, outcome } = input;
    await closeDeliveryRow(db, input);
    const start = (await modelIsServed(db, model))
      ? { checksBefore: await lastCheckNumber(db, model) }
      : null;
    await monitors.tell(model, { delivery, outcome }, start);
    const open = await listOpenAttempts(db);
    if (open.some((each) => each.model === model && each.delivery === delivery))
      await janitor.call();
  }

  return { openDelivery, closeDelivery };
}

function planOf(
  { digest, spec }: RegisteredSpec,
  key: Pick<DeliveryPlan, 'model' | 'delivery' | 'trigger' | 'requestedBy'>,
): DeliveryPlan {
  const { approval, training, release } = spec;
  return {
    ...key,
    specDigest: digest,
    team: spec.team,
    approval: {
      approvers: approval.approvers,
      quorum: approval.quorum,
      remindAfter: milliseconds(approval.remindAfter),
      escalateAfter: milliseconds(approval.escalateAfter),
      escalateTo: approval.escalateTo,
      expireAfter: milliseconds(approval.expireAfter),
    },
    training: {
      timeout: milliseconds(training.timeout),
      maximumAttempts: training.maximumAttempts,
      heartbeat: milliseconds(training.heartbeat),
      ...(training.resources?.gpus && { gpuClass: training.resources.gpus.class }),
      ...(training.search && {
        search: { trials: training.search.trials, parallel: training.search.parallel },
      }),
      ...(training.priority && {
        turn: { priority: training.priority, team: withinKey(spec.team) },
      }),
    },
    release: {
      // Which champion there is comes out at registration; the release skips the canary where there is none.
      steps: planRelease(release.steps, 0),
      every: milliseconds(release.judge.every),
      maximumTime: milliseconds(release.judge.maximumTime),
    },
  };
}

/** Temporal refuses a fairness key of more than 64 bytes; a character cut in half becomes one of three. */
function withinKey(team: string): string {
  return Buffer.from(team).subarray(0, 62).toString();
}
