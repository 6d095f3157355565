import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { withSettingsTable } from '../../scripts/settings-table.js';

test('docs/operations.md lists every setting as runtime/settings.ts has it', () => {
  const page = readFileSync(new URL('../../docs/operations.md', import.meta.url), 'utf8');
  expect(page, 'run node runtime/launch.mjs scripts/settings-table.ts').toBe(
    withSettingsTable(page),
  );
  expect(page).toContain('| `PERENNIAL_HOME` |');
});
