import { PerennialError } from '../contracts/errors.js';
import type { JobStatus, TrainingJob } from '../contracts/training.js';

/** What tells whose a job is: a found one is adopted only when both are the same. */
const owners = ['installation', 'spec'];

/** Throws JOB_KEY_TAKEN when the job found by this key belongs to another installation or spec. */
export function refuseForeign(found: Record<string, string>, { key, labels }: TrainingJob): void {
  for (const label of owners) {
    if (found[label] !== labels[label])
      throw new PerennialError(
        'JOB_KEY_TAKEN',
        `There is a job ${key} already, of ${label} '${found[label]}', not '${labels[label]}'.`,
      );
  }
}

/** Throws where the traces of a job that runs are to be removed. */
export function refuseRunning(key: string, { state }: JobStatus): void {
  if (state === 'running')
    throw new PerennialError('INTERNAL', `The training ${key} still runs: cancel it first.`);
}
