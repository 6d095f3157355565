import { OpenAPIHono } from '@hono/zod-openapi';
import { z } from 'zod';
import { unkeepable } from '../contracts/keepable-text.js';
import { modelName } from '../contracts/names.js';
import { errorAnswer } from '../contracts/overview.js';
import { refuseInput } from './errors.js';

/** A JSON answer of a route as the OpenAPI document tells it, with the shape that every error has. */
export function answers<T extends z.ZodType>(schema: T, description: string) {
  return {
    200: { description, content: { 'application/json': { schema } } },
    default: {
      description: 'What was asked, what was found, what to do',
      content: { 'application/json': { schema: errorAnswer } },
    },
  } as const;
}

/** A JSON body that must be there, of texts that can be kept. */
export function body<T extends z.ZodType>(schema: T) {
  const kept = schema.refine(
    (value) => !holdsUnkeepable(value),
    'a text in it holds a NUL character or half of a surrogate pair',
  );
  return { content: { 'application/json': { schema: kept } }, required: true } as const;
}

/** Without recursion: what is nested too deeply is another check's to refuse. */
function holdsUnkeepable(value: unknown): boolean {
  const left = [value];
  while (left.length > 0) {
    const next = left.pop();
    if (typeof next === 'string' && unkeepable.test(next)) return true;
    if (typeof next !== 'object' || next === null) continue;
    for (const [name, within] of Object.entries(next)) left.push(name, within);
  }
  return false;
}

export const ofModel = z.object({ model: modelName });
const numeral = z.coerce.number().int().positive();
export const ofDelivery = ofModel.extend({ number: numeral });
export const ofVersion = ofModel.extend({ version: numeral });
export const limit = (most: number, usual: number) =>
  z.coerce.number().int().min(1).max(most).default(usual);

/** Repeated with the same key, a message counts once. */
export const idempotency = z.object({
  'idempotency-key': z
    .string()
    .regex(/^[\w.:-]{1,128}$/, 'up to 128 letters, digits and . _ : -')
    .optional(),
});

const partNames = {
  json: 'body',
  form: 'body',
  param: 'path',
  query: 'query',
  header: 'header',
  cookie: 'cookie',
} as const;

/** Routes of one word. What a contract refuses never reaches a handler. */
export function createRouter() {
  return new OpenAPIHono({
    defaultHook: (result) => {
      if (!result.success)
        refuseInput(result.error, { where: partNames[result.target], code: 'INPUT_INVALID' });
    },
  });
}
