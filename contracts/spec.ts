import { z } from 'zod';
import { preparedColumns } from './dataset.js';
import { durationPattern, milliseconds } from './duration.js';
import { currency, limits } from './money.js';
import { columnName, duration, modelName, principalId, share } from './names.js';
import { imageReference, resources } from './resources.js';
import { parameterValues, search } from './search.js';

/** A DuckDB scalar expression over the source's columns; it runs in a locked-down connection that reaches no file but the source. */
const expression = z.string().min(1).max(2_000);

/** `number` reaches the model as FP32 [N,1], `category` as a string tensor [N,1]: the encoding lives inside the ONNX file. */
export const feature = z.strictObject({
  name: columnName,
  type: z.enum(['number', 'category']),
  /** How the feature is computed from the source; the column of the same name by default. */
  expression: expression.optional(),
});
export type Feature = z.infer<typeof feature>;

const data = z.strictObject({
  source: z.strictObject({
    format: z.enum(['parquet', 'csv']),
    /** File or glob; relative to the folder of the spec. */
    path: z.string().min(1),
    /** The column with the event time of a row. */
    timeColumn: columnName,
  }),
  /** How much history one training reads, counted back from the newest row; all of it when left out. */
  window: duration.optional(),
  /** What a prediction is about: route stickiness and the join with labels hang on it. */
  entity: expression,
  features: z.array(feature).min(1).max(500),
  /** The truth: an expression that is 0/1 or false/true. */
  label: z.strictObject({ expression }),
  /** The newest part of the window, by time, is kept from the trainer and judged on. */
  holdout: share.gt(0).lt(1).default(0.2),
  /** ODCS data contract; relative to the folder of the spec. */
  contract: z.string().min(1),
});

const training = z.strictObject({
  /** `tabular`, or the name of a folder with a trainer under the training-container contract. */
  trainer: z.string().min(1).default('tabular'),
  parameters: parameterValues.default({}),
  seed: z.int().nonnegative().default(1),
  timeout: duration.default('6h'),
  /** Attempts by our own count; an exit code that says "never retry" ends it earlier. */
  maximumAttempts: z.int().min(1).max(20).default(3),
  /** A trainer silent for this long is taken for hung. */
  heartbeat: duration.default('30s'),
  /** A trainer whose step stands still for this long is stopped and goes on from its checkpoint; left out, silence alone counts. */
  progressEvery: duration.optional(),
  /** The trainer as a container image, for the docker and kubernetes backends. */
  image: imageReference.optional(),
  resources: resources.optional(),
  /** Who goes first where trainings wait for a worker or a GPU: 1 before all others, 5 after them; 3 when left out. */
  priority: z.int().min(1).max(5).optional(),
  /** Nodes that train together; each gets its rank as torchrun expects it. One when left out. */
  replicas: z.int().min(1).max(64).optional(),
  /** Trains several times by parameters that it looks for; the best one's model goes on. */
  search: search.optional(),
});

/** What one delivery's trainings may cost; counted where the installation has a price book. */
const budget = z.strictObject({ currency, delivery: limits });

export const metricName = z.enum(['roc_auc', 'log_loss', 'brier', 'calibration_error']);
export type MetricName = z.infer<typeof metricName>;

const evaluation = z.strictObject({
  /** The challenger must not be worse than the champion on this by more than `margin`. */
  primary: metricName.default('roc_auc'),
  margin: z.number().positive().default(0.01),
  /** Bars that hold with or without a champion: `roc_auc: { atLeast: 0.6 }`. */
  bars: z
    .partialRecord(
      metricName,
      z.strictObject({ atLeast: z.number().optional(), atMost: z.number().optional() }),
    )
    .default({}),
  /** Category features whose values are judged one by one (Holm-corrected). */
  slices: z.array(columnName).default([]),
  sliceMargin: z.number().positive().default(0.03),
  /** Fewer hold-out rows than this are `inconclusive`. */
  minimumRows: z.int().positive().default(500),
});

const approval = z.strictObject({
  /** Who may vote; empty means any principal. */
  approvers: z.array(principalId).default([]),
  quorum: z.int().min(1).max(20).default(1),
  /** May the one who asked for the delivery approve it? */
  selfApproval: z.boolean().default(false),
  remindAfter: duration.default('1d'),
  escalateAfter: duration.default('7d'),
  escalateTo: z.array(principalId).default([]),
  expireAfter: duration.default('90d'),
  /** CEL over `candidate`, `champion`, `evaluation`, `trigger`; approves by itself only when it is true. */
  automaticWhen: z.string().min(1).max(2_000).optional(),
});
export type ApprovalPolicy = z.infer<typeof approval>;

const release = z.strictObject({
  staging: z
    .strictObject({
      /** Hold-out rows whose serving answer must equal the evaluation's. */
      goldenRows: z.int().min(1).max(10_000).default(256),
      tolerance: z.number().positive().default(1e-5),
    })
    .prefault({}),
  /** Shares of traffic the canary gets, one after the other; the baseline gets as much. Each at most 0.5. */
  steps: z.array(share.gt(0).max(0.5)).min(1).max(12).default([0.05, 0.1, 0.25]),
  judge: z
    .strictObject({
      every: duration.default('1m'),
      /** A step is never promoted with fewer requests than this in each arm. */
      minimumRequests: z.int().positive().default(1_000),
      minimumTime: duration.default('30m'),
      /** After this a step without an answer is `inconclusive` and waits for a person. */
      maximumTime: duration.default('6h'),
      /** Chance of rolling back a harmless version, over the whole release. */
      alpha: z.number().gt(0).lt(0.5).default(0.05),
      /** Non-inferiority margins: promote when harm is shown to be below them. */
      errorRateMargin: z.number().positive().default(0.005),
      latencyRatioMargin: z.number().gt(1).default(1.5),
      /** Log-loss of answered predictions against their labels, absolute; used where labels arrive during the release. */
      businessMargin: z.number().positive().default(0.05),
    })
    .prefault({}),
});

const monitoring = z.strictObject({
  /** Time between two checks; a breach signal wakes the monitor at once. */
  every: duration.default('1h'),
  /** Length of one count window, in event time. */
  window: duration.default('1m'),
  /** Predictions a check needs; with fewer it is `inconclusive` and goes on gathering. */
  minimumRows: z.int().positive().default(500),
  /** Smallest relevant shift as a PSI equivalent: 0.0025 is a shift of 0.05 standard deviations. */
  relevance: z.number().nonnegative().default(0.0025),
  /** Features that differ by their nature in any short stretch of time, such as the weekday: reported, never alarmed about. */
  ignore: z.array(columnName).default([]),
  /** False discovery rate over the features of one check. */
  falseDiscoveryRate: z.number().gt(0).lt(0.5).default(0.05),
  retrain: z
    .strictObject({
      /** Realised log-loss may exceed the hold-out's, corrected for the base rate, by this much. */
      performanceMargin: z.number().positive().default(0.02),
      /** Input drift alone is a ticket; with `drift: true` a severe one retrains. */
      drift: z.boolean().default(false),
      /** Retrain at this age whatever the numbers say. */
      maximumAge: duration.optional(),
      cooldown: duration.default('1d'),
      /** Retrainings in thirty days (scaled by nothing: wall-clock time). */
      maximumPerMonth: z.int().positive().default(4),
    })
    .prefault({}),
});

/** `model.yaml`: what a team promises about one model and asks of Perennial. Content-addressed by its canonical JSON. */
export const modelSpec = z
  .strictObject({
    apiVersion: z.literal('perennial/v1'),
    model: modelName,
    team: z.string().min(1).max(64),
    owner: principalId,
    description: z.string().max(2_000).default(''),
    task: z.literal('binary-classification').default('binary-classification'),
    data,
    training: training.prefault({}),
    budget: budget.optional(),
    evaluation: evaluation.prefault({}),
    approval: approval.prefault({}),
    release: release.prefault({}),
    monitoring: monitoring.prefault({}),
  })
  .superRefine((spec, context) => {
    const names = spec.data.features.map((each) => each.name);
    // SQL does not tell Hour from hour.
    const folded = names.map((each) => each.toLowerCase());
    for (const name of names.filter((_, index) => folded.indexOf(folded[index] ?? '') !== index)) {
      context.addIssue({
        code: 'custom',
        path: ['data', 'features'],
        message: `feature '${name}' is named twice`,
      });
    }
    const taken = Object.values(preparedColumns) as string[];
    for (const name of names.filter((each) => taken.includes(each.toLowerCase()))) {
      context.addIssue({
        code: 'custom',
        path: ['data', 'features'],
        message: `a feature cannot be named '${name}': prepared rows have a column ${name.toLowerCase()} of their own`,
      });
    }
    for (const slice of spec.evaluation.slices) {
      const found = spec.data.features.find((each) => each.name === slice);
      if (found?.type !== 'category') {
        context.addIssue({
          code: 'custom',
          path: ['evaluation', 'slices'],
          message: `slice '${slice}' is not a category feature of this model`,
        });
      }
    }
    for (const ignored of spec.monitoring.ignore) {
      if (!names.includes(ignored)) {
        context.addIssue({
          code: 'custom',
          path: ['monitoring', 'ignore'],
          message: `'${ignored}' is not a feature of this model`,
        });
      }
    }
    for (const name of Object.keys(spec.training.search?.parameters ?? {})) {
      if (Object.hasOwn(spec.training.parameters, name)) {
        context.addIssue({
          code: 'custom',
          path: ['training', 'search', 'parameters', name],
          message: `'${name}' is fixed in training.parameters already`,
        });
      }
    }
    const steps = spec.release.steps;
    if (steps.some((each, index) => index > 0 && each <= (steps[index - 1] ?? 0))) {
      context.addIssue({
        code: 'custom',
        path: ['release', 'steps'],
        message: 'each step must be larger than the one before',
      });
    }
  });
export type ModelSpec = z.infer<typeof modelSpec>;
/** What a person may write: defaults left out. */
export type ModelSpecInput = z.input<typeof modelSpec>;

/** The least that a duration of the spec may be, by its path. Shorter ones make a training hung, or a timer busy, before anything could happen. */
export const leastDurations: Readonly<Record<string, string>> = {
  'data.window': '1s',
  'training.timeout': '1s',
  'training.heartbeat': '5s',
  'training.progressEvery': '5s',
  'approval.remindAfter': '100ms',
  'approval.escalateAfter': '100ms',
  'approval.expireAfter': '1s',
  'release.judge.every': '100ms',
  'release.judge.maximumTime': '1s',
  'monitoring.every': '1s',
  'monitoring.window': '1s',
  'monitoring.retrain.maximumAge': '1m',
};

/** A spec at the door, where a person hands it over. What was accepted before a least stood here stays readable: `modelSpec` is what is kept. */
export const writtenSpec = modelSpec.superRefine((spec, context) => {
  for (const [name, least] of Object.entries(leastDurations)) {
    const path = name.split('.');
    const found = path.reduce<unknown>((inner, key) => Reflect.get(Object(inner), key), spec);
    // A malformed one has been told already.
    if (typeof found !== 'string' || !durationPattern.test(found)) continue;
    if (milliseconds(found) >= milliseconds(least)) continue;
    context.addIssue({
      code: 'custom',
      path,
      message: `must be at least ${least}, found "${found}"`,
    });
  }
});

/** A spec as it is kept: with its data contract beside it and the folder its relative paths start from. */
export const registeredSpec = z.strictObject({
  digest: z.string(),
  spec: modelSpec,
  /** The ODCS contract, parsed from the file that `data.contract` names. */
  contract: z.unknown(),
  /** Absolute folder that relative paths start from. */
  base: z.string(),
});
export type RegisteredSpec = z.infer<typeof registeredSpec>;
