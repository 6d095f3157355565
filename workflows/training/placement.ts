import { CancellationScope, isCancellation, patched, sleep } from '@temporalio/workflow';
import type { PlacementLook } from '../../contracts/placement.js';

/** Guards the looks at a training's place among those who wait for GPUs. */
export const placementLooks = 'placement-looks';

const minute = 60_000;
/** Milliseconds before each look. A month of waiting costs a history no more than these, and most trainings begin before the first. */
const pauses = [
  5_000,
  25_000,
  ...[1, 2, 5, 10, 30, 60, 180, 360, 720, 1_440].map((minutes) => minutes * minute),
];

/**
 * Does the work of an attempt that asks for GPUs, and tells beside it what the attempt waits for, until it begins; null once it waits for
 * nothing. Looks that fail tell nothing and hinder nobody.
 */
export async function tellingPlacement<T>(
  look: () => Promise<PlacementLook>,
  tell: (waits: string | null) => void,
  work: () => Promise<T>,
): Promise<T> {
  if (!patched(placementLooks)) return work();
  const looks = new CancellationScope();
  const looking = looks.run(() => lookUntilBegun(look, tell)).catch(passOverCancellation);
  try {
    return await work();
  } finally {
    looks.cancel();
    await looking;
    tell(null);
  }
}

async function lookUntilBegun(
  look: () => Promise<PlacementLook>,
  tell: (waits: string | null) => void,
): Promise<void> {
  for (const pause of pauses) {
    await sleep(pause);
    try {
      const { begun, waits } = await look();
      tell(waits);
      if (begun) return;
    } catch (error) {
      if (isCancellation(error)) throw error;
    }
  }
}

function passOverCancellation(error: unknown): void {
  if (!isCancellation(error)) throw error;
}
