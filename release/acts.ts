/** How the acts of one release are named in the route. A version that is rolled back to is moved again under its own delivery: the revision behind the name tells the acts apart. */
export function actsOf({ delivery, version }: { delivery: number; version: number }): string {
  return `delivery/${delivery}/v${version}`;
}

/** What the names of its canary steps begin with. */
export function stepActsOf(release: { delivery: number; version: number }): string {
  return `${actsOf(release)}/step/`;
}
