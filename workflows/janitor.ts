import type { SweepResult } from '../contracts/stages.js';
import { broom } from './offers.js';

/** One sweep, started by a Schedule every few minutes: what outlived its workflow is found and put away. */
export async function janitor(): Promise<SweepResult> {
  return broom.sweep.executeWithOptions({ summary: 'Reap what outlived its workflow' }, []);
}
