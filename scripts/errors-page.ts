/** Writes docs/errors.md from the catalogue: `node runtime/launch.mjs scripts/errors-page.ts`. */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { errorCatalogue, type ErrorEntry } from '../contracts/errors.js';

const kinds = {
  fix: 'correct the input',
  retry: 'try again later',
  ask: 'a person has to decide',
  bug: 'our fault: report it',
} as const;

export function errorsPage(): string {
  const rows = Object.entries(errorCatalogue as Record<string, ErrorEntry>).map(
    ([code, { kind, http, hint }]) => `| \`${code}\` | ${kinds[kind]} | ${http} | ${hint} |`,
  );
  return [
    '# Errors',
    '',
    'Every door answers with one of these codes, a sentence that says what was asked and what was found, and the advice below.',
    'The HTTP doors answer `{ code, message, hint, requestId }`; across Temporal a failure carries the code as its type.',
    '',
    '| code | meaning for the caller | status | what to do |',
    '| --- | --- | --- | --- |',
    ...rows,
    '',
  ].join('\n');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(new URL('../docs/errors.md', import.meta.url), errorsPage());
}
