import { z } from 'zod';
import { columnName } from './names.js';
import { nestedAtMost } from './nesting.js';

const limits = {
  mustBe: z.number().optional(),
  mustNotBe: z.number().optional(),
  mustBeGreaterThan: z.number().optional(),
  mustBeGreaterOrEqualTo: z.number().optional(),
  mustBeLessThan: z.number().optional(),
  mustBeLessOrEqualTo: z.number().optional(),
  mustBeBetween: z.tuple([z.number(), z.number()]).optional(),
};

const severity = z.enum(['error', 'warning']).default('error');

/** One quality rule of ODCS v3.1. A library metric counts rows; `sql` is a boolean expression that every good row fulfils. */
export const qualityRule = z.union([
  z.strictObject({
    name: z.string().optional(),
    metric: z.enum(['nullValues', 'missingValues', 'invalidValues', 'duplicateValues', 'rowCount']),
    arguments: z
      .strictObject({
        validValues: z.array(z.union([z.string(), z.number()])).optional(),
        pattern: z.string().optional(),
        properties: z.array(columnName).optional(),
      })
      .optional(),
    unit: z.enum(['rows', 'percent']).default('rows'),
    severity,
    dimension: z.string().optional(),
    description: z.string().optional(),
    ...limits,
  }),
  z.strictObject({
    type: z.literal('sql'),
    name: z.string().optional(),
    query: z.string().min(1).max(2_000),
    unit: z.enum(['rows', 'percent']).default('rows'),
    severity,
    dimension: z.string().optional(),
    description: z.string().optional(),
    ...limits,
  }),
]);
export type QualityRule = z.infer<typeof qualityRule>;

export const contractProperty = z.strictObject({
  name: columnName,
  logicalType: z.enum(['string', 'date', 'timestamp', 'number', 'integer', 'boolean']),
  description: z.string().optional(),
  required: z.boolean().default(false),
  unique: z.boolean().default(false),
  primaryKey: z.boolean().default(false),
  classification: z.string().optional(),
  logicalTypeOptions: z
    .strictObject({
      minimum: z.number().optional(),
      maximum: z.number().optional(),
      minLength: z.int().optional(),
      maxLength: z.int().optional(),
      pattern: z.string().optional(),
    })
    .default({}),
  quality: z.array(qualityRule).default([]),
});

/** What is kept and not judged: anything that a person would write. */
const kept = z.unknown().refine((value) => nestedAtMost(value, 32), 'is nested more than 32 deep');

/** The part of the Open Data Contract Standard v3.1 that Perennial executes. Unknown keys are refused rather than silently not checked. */
export const dataContract = z.strictObject({
  kind: z.literal('DataContract'),
  apiVersion: z.string().regex(/^v3\.[01]\.\d+$/),
  id: z.string().min(1),
  version: z.string().min(1),
  status: z.string().min(1),
  name: z.string().optional(),
  description: kept.optional(),
  team: kept.optional(),
  schema: z
    .array(
      z.strictObject({
        name: z.string(),
        description: z.string().optional(),
        properties: z.array(contractProperty).min(1),
        quality: z.array(qualityRule).default([]),
      }),
    )
    .length(1),
  slaProperties: z
    .array(
      z.strictObject({
        property: z.enum(['freshness', 'latency', 'retention']),
        value: z.number(),
        unit: z.enum(['d', 'h', 'm', 's']),
        element: z.string().optional(),
      }),
    )
    .default([]),
  customProperties: z
    .array(
      z.union([
        /** Share of rows that may go to quarantine before the contract counts as broken. */
        z.strictObject({
          property: z.literal('maximumQuarantineShare'),
          value: z.number().min(0).max(1),
        }),
        /** What freshness is judged against: the window's end when one was asked for, else the clock; `window` always takes the former. */
        z.strictObject({
          property: z.literal('freshnessAgainst'),
          value: z.enum(['window', 'clock']),
        }),
        /** Anything else is kept and not judged. */
        z.strictObject({
          property: z
            .string()
            .refine((name) => name !== 'maximumQuarantineShare' && name !== 'freshnessAgainst'),
          value: kept,
        }),
      ]),
    )
    .default([]),
});
export type DataContract = z.infer<typeof dataContract>;
