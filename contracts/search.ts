import { z } from 'zod';
import { instant, modelName } from './names.js';

/** What a hyperparameter may be, as `training.parameters` takes it. */
export const parameterValue = z.union([z.string(), z.number(), z.boolean()]);
export const parameterValues = z.record(z.string(), parameterValue);
export type ParameterValues = z.infer<typeof parameterValues>;

const log = z.boolean().optional();
const range = z.discriminatedUnion('type', [
  /** `log: true` draws each order of magnitude as often as the next. */
  z.strictObject({ type: z.literal('float'), low: z.number(), high: z.number(), log }),
  z.strictObject({ type: z.literal('int'), low: z.int(), high: z.int(), log }),
  z.strictObject({ type: z.literal('categorical'), choices: z.array(parameterValue).min(1) }),
]);

const searched = range.superRefine((asked, context) => {
  if (asked.type === 'categorical') return;
  const refuse = (path: 'low' | 'high', message: string) =>
    context.addIssue({ code: 'custom', path: [path], message });
  if (asked.low > asked.high) refuse('high', `must not be below low (${asked.low})`);
  if (asked.log && asked.low <= 0) refuse('low', 'a logarithmic range starts above 0');
});

/** Which parameters are tried, and what makes one trial better than another. */
export const search = z
  .strictObject({
    parameters: z
      .record(z.string(), searched)
      .refine((each) => Object.keys(each).length > 0, 'names no parameter to search'),
    /** A metric that the trainer tells; the newest value of a trial counts. */
    metric: z.string().min(1).max(120),
    direction: z.enum(['minimize', 'maximize']),
    /** How many are trained in all, those that fail among them. */
    trials: z.int().min(1).max(500),
    /** How many at a time. */
    parallel: z.int().min(1).max(64).default(1),
    /** When a trial that lags behind is stopped before its end. */
    stopEarly: z.enum(['median', 'halving', 'none']).default('none'),
  })
  .superRefine(({ trials, parallel }, context) => {
    if (parallel > trials)
      context.addIssue({
        code: 'custom',
        path: ['parallel'],
        message: `cannot be more than the ${trials} trials there are`,
      });
  });
export type Search = z.infer<typeof search>;
export type SearchSpace = Search['parameters'];
export type Direction = Search['direction'];

/** Where a trial stands. `pruned` was stopped early; neither it nor one that failed ended the search. */
export const trialState = z.enum(['asked', 'complete', 'pruned', 'failed']);
export type TrialState = z.infer<typeof trialState>;

/** Why a trial was stopped early: its value at a step, and what others had at the same step. */
export const stopJudgement = z.strictObject({
  rule: z.enum(['median', 'halving']),
  metric: z.string(),
  direction: z.enum(['minimize', 'maximize']),
  step: z.int().nonnegative(),
  value: z.number(),
  /** By trial, in their order. */
  others: z.array(z.strictObject({ trial: z.int().positive(), value: z.number() })),
  /** What it had to reach. */
  bar: z.number(),
});
export type StopJudgement = z.infer<typeof stopJudgement>;

export const trialView = z.strictObject({
  trial: z.int().positive(),
  state: trialState,
  parameters: parameterValues,
  /** The metric that is searched by; null while it has told none, and where it failed. */
  value: z.number().nullable(),
  step: z.int().nonnegative().nullable(),
  /** Attempts that its training took; null while it runs. */
  attempts: z.int().nonnegative().nullable(),
  /** Digest of the model; null where none came of it. */
  artifact: z.string().nullable(),
  reason: z.string(),
  judgement: stopJudgement.nullable(),
  /** Whether its model became the delivery's candidate. */
  chosen: z.boolean(),
  askedAt: instant,
  endedAt: instant.nullable(),
});
export type TrialView = z.infer<typeof trialView>;

/** All trials of one delivery, in the order in which they were asked for. */
export const searchView = z.strictObject({
  model: modelName,
  delivery: z.int().positive(),
  /** What the spec asked for; null where the delivery searched nothing. */
  search: search.nullable(),
  /** Whether a budget that was used up ended it before all its trials were begun. */
  endedByMoney: z.boolean(),
  trials: z.array(trialView),
});
export type SearchView = z.infer<typeof searchView>;
