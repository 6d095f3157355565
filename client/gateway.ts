import { z } from 'zod';
import { labelsAnswer, type LabelsRequest } from '../contracts/serving.js';
import { createHttp, type HttpOptions } from './http.js';

/** One row as an application has it: feature by name, numbers for numbers, text for categories. */
export type FeatureRow = Record<string, number | string>;

export interface InferOptions {
  /** What is predicted; decides the arm, so that one entity always gets answers of the same version. */
  entity?: string;
  id?: string;
  /** ISO 8601; now when left out. */
  eventTime?: string;
}

export interface Prediction {
  /** One for each row: send it back with the label. */
  ids: string[];
  version: string;
  /** Probability of label 1, a row each. */
  probabilities: number[];
}

/** What a model asks for, and the versions that answer now. */
const modelMetadata = z.object({
  name: z.string(),
  versions: z.array(z.string()),
  inputs: z.array(z.object({ name: z.string(), datatype: z.string(), shape: z.array(z.int()) })),
});
export type ModelMetadata = z.infer<typeof modelMetadata>;

const answer = z.object({
  id: z.string(),
  model_version: z.string(),
  outputs: z.array(z.object({ name: z.string(), data: z.array(z.number()) })).min(1),
});

/** The prediction gateway, Open Inference Protocol v2: ask for predictions, tell the truth about them later. */
export function createGateway(options: HttpOptions) {
  const http = createHttp(options);
  const pathOf = (model: string) => `/v2/models/${encodeURIComponent(model)}`;
  return {
    metadata: (model: string) => http.get(pathOf(model), modelMetadata),
    async infer(
      model: string,
      rows: FeatureRow | FeatureRow[],
      { id, ...parameters }: InferOptions = {},
    ): Promise<Prediction> {
      const body = {
        ...(id === undefined ? {} : { id }),
        parameters,
        inputs: toTensors(Array.isArray(rows) ? rows : [rows]),
      };
      const found = await http.post(`${pathOf(model)}/infer`, answer, { body });
      const [first] = found.outputs;
      const output = found.outputs.find((each) => each.name === 'probability') ?? first;
      const probabilities = output?.data ?? [];
      const ids =
        Array.isArray(rows) && rows.length !== 1
          ? probabilities.map((_, row) => `${found.id}/${row}`)
          : [found.id];
      return { ids, version: found.model_version, probabilities };
    },
    /** Stores labels by the ids of predictions; one that is there already counts as a duplicate. */
    sendLabels: (model: string, labels: LabelsRequest['labels']) =>
      http.post(`${pathOf(model)}/labels`, labelsAnswer, { body: { labels } }),
  };
}

/** Columns of equal length: text becomes BYTES, numbers FP32, each of shape [rows, 1]. */
function toTensors(rows: FeatureRow[]) {
  return Object.entries(rows[0] ?? {}).map(([name, example]) => ({
    name,
    shape: [rows.length, 1],
    datatype: typeof example === 'string' ? 'BYTES' : 'FP32',
    data: rows.map((row) => row[name]),
  }));
}
