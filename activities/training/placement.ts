import type { PlacementInput, PlacementLook } from '../../contracts/placement.js';
import type { Database } from '../../db/connect.js';
import { lookAtPlacement as look } from '../../db/gpu/placement-view.js';
import type { PlacementActivities } from '../index.js';

export function createPlacementLooks({ db }: { db: Database }): PlacementActivities {
  /** How an attempt stands that asks for GPUs, and what it waits for. It changes nothing, so a second run looks again. */
  async function lookAtPlacement({ key }: PlacementInput): Promise<PlacementLook> {
    return look(db, key);
  }
  return { lookAtPlacement };
}
