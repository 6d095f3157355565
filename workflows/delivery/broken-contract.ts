import type { Validation } from '../../contracts/dataset.js';

/** Failures of Temporal hold no more. */
const longest = 1_900;

/** Why the data may not be trained on, in sentences, with up to three bad rows. Pure. */
export function brokenContract({ checks, quarantined, rows, examples }: Validation): string {
  const broken = checks.filter(({ verdict }) => verdict === 'fail' || verdict === 'error');
  // Where the share of bad rows is what broke, its own reason has counted them.
  const counted = broken.some(({ name }) => name === 'quarantine');
  return [
    'The data broke its contract.',
    ...broken.map(({ reason }) => reason),
    ...(counted ? [] : [`${quarantined} of ${rows} rows are quarantined.`]),
    ...(examples.length > 0 ? [`For example: ${examples.slice(0, 3).join('; ')}.`] : []),
  ]
    .join(' ')
    .slice(0, longest);
}
