/** Events of both arms in one window. */
export interface EventsOfWindow {
  canary: number;
  baseline: number;
}

const fewestWindows = 5;

/**
 * How much more the canary's share of events scatters over windows than it would if events came one by one: 1 or more. Bursts
 * (one broken pod, one caller that retries) make a hundred errors worth a few; the evidence is divided by this.
 * With fewer than five windows nothing can be said, and 1 is returned.
 */
export function dispersionOf(windows: readonly EventsOfWindow[]): number {
  const seen = windows.filter((each) => each.canary + each.baseline > 0);
  if (seen.length < fewestWindows) return 1;
  const canary = seen.reduce((sum, each) => sum + each.canary, 0);
  const events = seen.reduce((sum, each) => sum + each.canary + each.baseline, 0);
  const share = canary / events;
  if (share === 0 || share === 1) return 1;
  const pearson = seen.reduce((sum, each) => {
    const total = each.canary + each.baseline;
    return sum + (each.canary - total * share) ** 2 / (total * share * (1 - share));
  }, 0);
  const degrees = seen.length - 1;
  return Math.max(1, (pearson / degrees) * (1 + Math.sqrt(2 / degrees)));
}
