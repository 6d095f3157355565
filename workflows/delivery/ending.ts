import { isCancellation } from '@temporalio/workflow';
import type { Decision } from '../../contracts/approval.js';
import type { DeliveryOutcome } from '../../contracts/delivery.js';
import { refusedOutcome, sentence } from '../failures.js';

export interface Ending {
  outcome: DeliveryOutcome;
  explanation: string;
}

/** How a delivery ends that was called off, refused or broken. */
export function endingOf(error: unknown, cancelledBy: Decision | null): Ending {
  if (cancelledBy !== null) {
    const { by, reason } = cancelledBy;
    return {
      outcome: 'cancelled',
      explanation: `Cancelled by ${by}${reason ? `: ${reason}` : '.'}`,
    };
  }
  if (isCancellation(error))
    return { outcome: 'cancelled', explanation: 'Cancelled through Temporal.' };
  return { outcome: refusedOutcome(error) ?? 'failed', explanation: sentence(error) };
}
