import type { DeliveryView, Stage } from '../../contracts/delivery.js';

const eighths = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];

/** A bar of `width` characters, filled by a share of it; more than all is all. */
export function drawBar(share: number, width: number): string {
  const filled = Math.min(1, Math.max(0, share)) * width;
  const whole = Math.floor(filled);
  const part = eighths[Math.floor((filled - whole) * 8)] ?? '';
  return `${'█'.repeat(whole)}${part}`.padEnd(width, '·');
}

/** Deliveries further back tell little of the next one. */
const remembered = 7;

/**
 * Seconds that each stage took in the middle of the last deliveries that came through it, given the newest first. One that broke or was
 * cancelled tells nothing: its last stage was cut short.
 */
export function usualSeconds(deliveries: DeliveryView[]): Partial<Record<Stage, number>> {
  const times = new Map<Stage, number[]>();
  for (const { outcome, seconds } of deliveries) {
    if (outcome === null || outcome === 'failed' || outcome === 'cancelled') continue;
    for (const [stage, took] of Object.entries(seconds) as [Stage, number][])
      if (stage !== 'train' || outcome !== 'training-failed')
        times.set(stage, [...(times.get(stage) ?? []), took]);
  }
  return Object.fromEntries(
    [...times].map(([stage, all]) => [stage, median(all.slice(0, remembered))]),
  );
}

function median(values: number[]): number {
  const sorted = values.toSorted((one, other) => one - other);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? 0)) / 2;
}
