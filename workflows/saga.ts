import { CancellationScope, log } from '@temporalio/workflow';
import type { DeliveryOutcome } from '../contracts/delivery.js';
import type { ReleaseOutcome } from '../contracts/release.js';
import type { DeliveryKey, RestoreRouteInput } from '../contracts/stages.js';
import { sentence } from './failures.js';
import { undoing } from './offers.js';

/** How to undo a step, as data: it is kept in the state and travels across continue-as-new. Pushed before the step it undoes. */
export type Compensation =
  | { kind: 'closeDelivery'; reference: DeliveryKey }
  | { kind: 'withdrawApproval'; reference: DeliveryKey }
  | { kind: 'restoreRoute'; reference: Omit<RestoreRouteInput, 'reason'> }
  | { kind: 'closeRelease'; reference: DeliveryKey & { version: number } };

/** What the record shall say about the end that made undoing necessary. */
export interface Ending {
  delivery: DeliveryOutcome;
  release: ReleaseOutcome;
  reason: string;
}

/** Undoes the newest step first. A cancelled workflow still undoes; one failing compensation does not keep the others from running. */
export async function compensate(
  steps: readonly Compensation[],
  ending: Ending,
): Promise<string[]> {
  const failures: string[] = [];
  await CancellationScope.nonCancellable(async () => {
    for (const step of steps.toReversed()) {
      try {
        await undo(step, ending);
      } catch (error) {
        failures.push(`${step.kind}: ${sentence(error)}`);
        log.error('A compensation failed', { kind: step.kind, error: sentence(error) });
      }
    }
  });
  return failures;
}

function undo(step: Compensation, { delivery, release, reason }: Ending): Promise<unknown> {
  const summary = `Undo: ${reason}`.slice(0, 190);
  switch (step.kind) {
    case 'closeDelivery':
      return undoing.closeDelivery.executeWithOptions({ summary }, [
        { ...step.reference, outcome: delivery, explanation: reason },
      ]);
    case 'withdrawApproval':
      return undoing.withdrawApproval.executeWithOptions({ summary }, [
        { ...step.reference, reason },
      ]);
    case 'restoreRoute':
      return undoing.restoreRoute.executeWithOptions({ summary }, [{ ...step.reference, reason }]);
    case 'closeRelease':
      return undoing.closeRelease.executeWithOptions({ summary }, [
        { ...step.reference, outcome: release, reason },
      ]);
  }
}
