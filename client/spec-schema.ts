import { z } from 'zod';
import { leastDurations, writtenSpec } from '../contracts/spec.js';

type Schema = z.core.JSONSchema.BaseSchema;

/** JSON Schema (2020-12) of what a person may write in model.yaml: defaults left out. Published as docs/model.schema.json. */
export function describeSpec(): object {
  const schema = z.toJSONSchema(writtenSpec, { io: 'input' });
  // Its keywords cannot compare durations: an editor shows the least of each.
  for (const [name, least] of Object.entries(leastDurations)) {
    const found = name.split('.').reduce<Schema | undefined>(propertyOf, schema);
    if (found) found.description = `At least ${least}.`;
  }
  return {
    ...schema,
    title: 'model.yaml',
    description: 'What a team promises about one model and asks of Perennial.',
  };
}

function propertyOf(schema: Schema | undefined, key: string): Schema | undefined {
  const found = schema?.properties?.[key];
  return typeof found === 'object' ? found : undefined;
}
