/** Writes the table of settings into docs/operations.md: `node runtime/launch.mjs scripts/settings-table.ts`. */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { z } from 'zod';
import { settings } from '../runtime/settings.js';

const page = fileURLToPath(new URL('../docs/operations.md', import.meta.url));
const between = /(<!-- settings -->\n)[^]*(<!-- end of settings -->)/;

function settingsTable(): string {
  const rows = Object.entries<z.ZodType>(settings).map(([name, schema]) => {
    const byDefault = schema.safeParse(undefined).data;
    const shown =
      byDefault === undefined ? '' : `\`${JSON.stringify(byDefault).replaceAll('"', '')}\``;
    return `| \`${name}\` | ${shown} | ${schema.description ?? ''} |`;
  });
  return ['| setting | default | what it is for |', '|---|---|---|', ...rows, ''].join('\n');
}

/** The page as it should be, given the page as it is. */
export function withSettingsTable(text: string): string {
  return text.replace(
    between,
    (_, before: string, after: string) => before + settingsTable() + after,
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(page, withSettingsTable(readFileSync(page, 'utf8')));
}
