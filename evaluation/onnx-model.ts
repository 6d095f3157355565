import { InferenceSession, Tensor } from 'onnxruntime-node';
import { PerennialError } from '../contracts/errors.js';
import type { Feature } from '../contracts/spec.js';

/** One tensor of the signature. -1 stands for a dimension that the caller chooses. */
export interface OnnxTensor {
  name: string;
  datatype: 'FP32' | 'BYTES';
  shape: number[];
}

/** One value a row for every input: numbers in single precision (NaN = missing) or text. */
export type OnnxColumns = Readonly<Record<string, Float32Array | readonly string[]>>;

/** A model that answers with a probability. `run` blocks the thread it is called on. */
export interface OnnxModel {
  inputs: readonly OnnxTensor[];
  outputs: readonly OnnxTensor[];
  /** P(label = 1) per row. Throws MODEL_FAILED when the model cannot answer or answers with something else than a number from 0 to 1. */
  run(columns: OnnxColumns): Promise<Float32Array>;
  close(): Promise<void>;
}

const answer = 'probability';
/** Single precision may end a hair outside [0, 1]. */
const slack = 1e-6;

/**
 * Loads an ONNX file with a column input [N,1] per feature and the output `probability`. With `features` the inputs must be
 * exactly these. Throws ONNX_INVALID. The gateway takes one thread, batch work as many as there are cores.
 */
export async function openOnnxModel({
  path,
  threads,
  features,
}: {
  path: string;
  threads: number;
  features?: readonly Pick<Feature, 'name' | 'type'>[];
}): Promise<OnnxModel> {
  const session = await createSession(path, threads);
  try {
    const inputs = session.inputMetadata.map(readTensor);
    const outputs = session.outputMetadata
      .filter(({ name }) => name === answer)
      .map((each) => readTensor(each));
    if (outputs[0]?.datatype !== 'FP32') {
      const names = session.outputNames.join(', ');
      throw invalid(`The model has no FP32 output '${answer}'; its outputs are ${names}.`);
    }
    if (features) requireFeatures(inputs, features);
    return {
      inputs,
      outputs,
      run: (columns) => runSession(session, inputs, columns),
      close: () => session.release(),
    };
  } catch (error) {
    await session.release();
    throw error;
  }
}

async function createSession(path: string, threads: number): Promise<InferenceSession> {
  try {
    return await InferenceSession.create(path, {
      executionProviders: ['cpu'],
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      logSeverityLevel: 4,
    });
  } catch (error) {
    throw invalid(`The file is not a whole, supported ONNX model: ${sentenceOf(error)}.`, error);
  }
}

function readTensor(metadata: InferenceSession.ValueMetadata): OnnxTensor {
  const { name } = metadata;
  if (!metadata.isTensor) throw invalid(`'${name}' of the model is not a tensor.`);
  if (metadata.type !== 'float32' && metadata.type !== 'string') {
    throw invalid(`'${name}' of the model is ${metadata.type}; float32 and string are understood.`);
  }
  const shape = metadata.shape.map((size) => (typeof size === 'number' ? size : -1));
  return { name, datatype: metadata.type === 'string' ? 'BYTES' : 'FP32', shape };
}

function requireFeatures(
  inputs: readonly OnnxTensor[],
  features: readonly Pick<Feature, 'name' | 'type'>[],
): void {
  const describe = (entries: readonly (readonly [name: string, datatype: string])[]): string =>
    entries
      .map(([name, datatype]) => `${name} ${datatype}`)
      .toSorted()
      .join(', ');
  const found = describe(inputs.map(({ name, datatype }) => [name, datatype]));
  const wanted = describe(
    features.map(({ name, type }) => [name, type === 'number' ? 'FP32' : 'BYTES']),
  );
  if (found !== wanted) {
    throw invalid(`The inputs of the model are ${found}; the features of the spec are ${wanted}.`);
  }
}

async function runSession(
  session: InferenceSession,
  inputs: readonly OnnxTensor[],
  columns: OnnxColumns,
): Promise<Float32Array> {
  const feeds: Record<string, Tensor> = {};
  let rows = -1;
  for (const { name, datatype } of inputs) {
    const column = columns[name];
    if (!column) throw failed(`The model asks for '${name}', which the rows do not have.`);
    if (rows < 0) rows = column.length;
    if (column.length !== rows) {
      throw failed(`Column '${name}' has ${column.length} rows; the others have ${rows}.`);
    }
    feeds[name] = tensorOf(name, datatype, column);
  }
  const result = await answerOf(session, feeds);
  if (!(result?.data instanceof Float32Array) || result.data.length !== rows) {
    throw failed(`The model answered ${rows} rows with ${result?.data.length ?? 0} values.`);
  }
  for (const score of result.data) {
    if (!(score >= -slack && score <= 1 + slack)) {
      throw failed(`The model answered ${score}, which is not a probability.`);
    }
  }
  return result.data;
}

function tensorOf(
  name: string,
  datatype: OnnxTensor['datatype'],
  column: Float32Array | readonly string[],
): Tensor {
  if (datatype === 'FP32' && column instanceof Float32Array) {
    return new Tensor('float32', column, [column.length, 1]);
  }
  if (datatype === 'BYTES' && !(column instanceof Float32Array)) {
    return new Tensor('string', column, [column.length, 1]);
  }
  throw failed(`Column '${name}' does not hold what the model asks for (${datatype}).`);
}

async function answerOf(
  session: InferenceSession,
  feeds: Record<string, Tensor>,
): Promise<Tensor | undefined> {
  try {
    return (await session.run(feeds, [answer]))[answer];
  } catch (error) {
    throw failed(`The model could not answer: ${sentenceOf(error)}.`, error);
  }
}

/** onnxruntime's messages run over several lines and name files and addresses: the first line says enough. */
function sentenceOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const [line = ''] = message.split('\n');
  return line
    .replace(/^Load model from .* failed: */, '')
    .replaceAll(/(?:\/[\w.@+-]+){2,}\/?/g, '…')
    .trim()
    .replace(/\.$/, '');
}

function invalid(message: string, cause?: unknown): PerennialError {
  return new PerennialError('ONNX_INVALID', message, {}, { cause });
}

function failed(message: string, cause?: unknown): PerennialError {
  return new PerennialError('MODEL_FAILED', message, {}, { cause });
}
