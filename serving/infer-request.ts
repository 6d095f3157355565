import { PerennialError } from '../contracts/errors.js';
import { unkeepable } from '../contracts/keepable-text.js';
import { nestedAtMost } from '../contracts/nesting.js';

/** One input of a model, as its ONNX file declares it. */
export interface InputSignature {
  name: string;
  datatype: 'FP32' | 'BYTES';
}

export type Columns = Record<string, Float32Array | string[]>;

/** What is read before the arm is known: the arm decides which version's inputs the rest is checked against. */
export interface InferEnvelope {
  id: string | undefined;
  entity: string | undefined;
  /** Milliseconds since 1970. */
  eventTime: number | undefined;
  inputs: readonly unknown[];
}

export const maximumRows = 1_000;

const instantPattern = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$/;
const numberTypes = new Set(['FP32', 'FP64', 'INT32', 'INT64']);

function refuse(sentence: string): never {
  throw new PerennialError('REQUEST_SHAPE', sentence);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Reads the envelope of an Open Inference Protocol v2 request. Throws REQUEST_SHAPE naming what was found. */
export function readEnvelope(body: unknown): InferEnvelope {
  if (!isObject(body)) refuse(`The body must be an object with 'inputs', not ${describe(body)}.`);
  const { id, parameters, inputs, outputs } = body;
  if (parameters !== undefined && !isObject(parameters))
    refuse(`'parameters' must be an object, not ${describe(parameters)}.`);
  if (!Array.isArray(inputs))
    refuse(`'inputs' must be a list of tensors, not ${describe(inputs)}.`);
  if (outputs !== undefined) checkOutputs(outputs);
  return {
    id: readText('id', id, 128),
    entity: readText('parameters.entity', parameters?.entity, 256),
    eventTime: readInstant(parameters?.eventTime),
    inputs,
  };
}

function readText(name: string, value: unknown, longest: number): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'string') refuse(`'${name}' must be a string, not ${describe(value)}.`);
  if (value.length === 0 || value.length > longest)
    refuse(`'${name}' has ${value.length} characters; it may have 1 to ${longest}.`);
  if (unkeepable.test(value)) refuse(`'${name}' contains a NUL or half of a surrogate pair.`);
  return value;
}

function readInstant(value: unknown): number | undefined {
  if (value === undefined) return undefined;
  const time = typeof value === 'string' && instantPattern.test(value) ? Date.parse(value) : NaN;
  if (Number.isNaN(time))
    refuse(
      `'parameters.eventTime' must be an instant like 2001-02-03T04:05:06Z, not ${describe(value)}.`,
    );
  return time;
}

function checkOutputs(outputs: unknown): void {
  if (!Array.isArray(outputs)) refuse(`'outputs' must be a list, not ${describe(outputs)}.`);
  for (const output of outputs as unknown[]) {
    const name = isObject(output) ? output.name : output;
    if (name !== 'probability')
      refuse(`Output ${describe(name)} is unknown; the model answers 'probability'.`);
  }
}

/** Reads the tensors into one column an input, in the order of the signature. Throws REQUEST_SHAPE. */
export function readInputs(
  inputs: readonly unknown[],
  signature: readonly InputSignature[],
): { rows: number; columns: Columns } {
  const given = indexTensors(inputs, signature);
  const columns: Columns = {};
  let rows: number | undefined;
  let first = '';
  for (const { name, datatype } of signature) {
    const tensor = given.get(name);
    if (!tensor) refuse(`Input '${name}' is missing; the model asks for ${namesOf(signature)}.`);
    const length = readRows(name, tensor.shape);
    if (rows !== undefined && length !== rows)
      refuse(`Input '${name}' has ${length} rows; '${first}' has ${rows}.`);
    if (rows === undefined) first = name;
    rows = length;
    const data = flatten(name, tensor.data, length);
    columns[name] =
      datatype === 'BYTES'
        ? readStrings(name, tensor.datatype, data)
        : readNumbers(name, tensor.datatype, data);
  }
  return { rows: rows ?? 0, columns };
}

function indexTensors(
  inputs: readonly unknown[],
  signature: readonly InputSignature[],
): Map<string, Record<string, unknown>> {
  const given = new Map<string, Record<string, unknown>>();
  for (const [index, tensor] of inputs.entries()) {
    if (!isObject(tensor)) refuse(`inputs[${index}] must be a tensor, not ${describe(tensor)}.`);
    const { name } = tensor;
    if (typeof name !== 'string')
      refuse(`inputs[${index}] needs a 'name'; found ${describe(name)}.`);
    if (!signature.some((input) => input.name === name))
      refuse(`Input ${describe(name)} is unknown; the model asks for ${namesOf(signature)}.`);
    if (given.has(name)) refuse(`Input '${name}' is given twice.`);
    given.set(name, tensor);
  }
  return given;
}

function readRows(name: string, shape: unknown): number {
  const [rows, width = 1, ...rest] = Array.isArray(shape) ? (shape as unknown[]) : [];
  if (!Number.isInteger(rows) || width !== 1 || rest.length > 0)
    refuse(`Input '${name}' has shape ${describe(shape)}; it must be [N] or [N,1].`);
  const length = rows as number;
  if (length < 1 || length > maximumRows)
    refuse(`Input '${name}' has ${length} rows; one request takes 1 to ${maximumRows}.`);
  return length;
}

/** `data` may be flat or, as the protocol allows, nested like the shape. */
function flatten(name: string, data: unknown, rows: number): unknown[] {
  if (!Array.isArray(data))
    refuse(`Input '${name}' needs 'data' as a list; found ${describe(data)}.`);
  const flat = data.some((each) => Array.isArray(each)) ? data.flat() : data;
  if (flat.length !== rows)
    refuse(`Input '${name}' has ${flat.length} values; its shape says ${rows}.`);
  return flat as unknown[];
}

function readNumbers(name: string, datatype: unknown, data: readonly unknown[]): Float32Array {
  if (typeof datatype !== 'string' || !numberTypes.has(datatype))
    refuse(`Input '${name}' has datatype ${describe(datatype)}; the model asks for FP32.`);
  const integer = datatype.startsWith('INT');
  const column = new Float32Array(data.length);
  for (let row = 0; row < data.length; row += 1) {
    const value = data[row];
    if (value === null) {
      column[row] = NaN;
      continue;
    }
    if (typeof value !== 'number')
      refuse(`Input '${name}' has ${describe(value)} at row ${row}; it must be a number.`);
    if (integer && !Number.isInteger(value))
      refuse(`Input '${name}' has ${value} at row ${row}; datatype ${datatype} is whole numbers.`);
    column[row] = value;
    if (!Number.isFinite(column[row]))
      refuse(`Input '${name}' has a number at row ${row} that is not finite in single precision.`);
  }
  return column;
}

function readStrings(name: string, datatype: unknown, data: readonly unknown[]): string[] {
  if (datatype !== 'BYTES')
    refuse(`Input '${name}' has datatype ${describe(datatype)}; the model asks for BYTES.`);
  for (let row = 0; row < data.length; row += 1) {
    const value = data[row];
    if (typeof value !== 'string')
      refuse(`Input '${name}' has ${describe(value)} at row ${row}; it must be a string.`);
    if (unkeepable.test(value))
      refuse(`Input '${name}' has a NUL or half of a surrogate pair at row ${row}.`);
  }
  return data as string[];
}

function namesOf(signature: readonly InputSignature[]): string {
  return signature.map(({ name, datatype }) => `${name} ${datatype}`).join(', ');
}

/** A value as a sentence can hold it: short, and never the whole body. */
function describe(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (!nestedAtMost(value, 8)) return 'something nested deeply';
  const text = JSON.stringify(value);
  return text.length <= 60 ? text : `${text.slice(0, 57)}…`;
}
