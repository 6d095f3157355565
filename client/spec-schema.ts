import { z } from 'zod';
import { modelSpec } from '../contracts/spec.js';

/** JSON Schema (2020-12) of what a person may write in model.yaml: defaults left out. Published as docs/model.schema.json. */
export function describeSpec(): object {
  return {
    ...z.toJSONSchema(modelSpec, { io: 'input' }),
    title: 'model.yaml',
    description: 'What a team promises about one model and asks of Perennial.',
  };
}
