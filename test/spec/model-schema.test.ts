import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { specTemplate } from '../../cli/init/spec-template.js';
import { describeSpec } from '../../client/spec-schema.js';

test('the published JSON Schema is what the contract says now', async () => {
  const text = await readFile(new URL('../../docs/model.schema.json', import.meta.url), 'utf8');
  const published: unknown = JSON.parse(text);
  expect(published, 'run: node runtime/launch.mjs scripts/write-model-schema.ts').toEqual(
    JSON.parse(JSON.stringify(describeSpec())),
  );
});

test('the JSON Schema accepts what `perennial init` writes and refuses an unknown key', () => {
  const schema = z.fromJSONSchema(JSON.parse(JSON.stringify(describeSpec())));
  const written = parse(specTemplate('churn', 'ada')) as Record<string, unknown>;
  expect(schema.safeParse(written).success).toBe(true);
  expect(schema.safeParse({ ...written, modle: 'churn' }).success).toBe(false);
});
