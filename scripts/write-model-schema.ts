import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describeSpec } from '../client/spec-schema.js';

// Writes the JSON Schema of model.yaml, for editors that check while one types.
const target = fileURLToPath(new URL('../docs/model.schema.json', import.meta.url));
const formatter = fileURLToPath(new URL('../node_modules/.bin/oxfmt', import.meta.url));
await writeFile(target, `${JSON.stringify(describeSpec(), null, 2)}\n`);
await promisify(execFile)(formatter, [target]);
