import { readFile, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { z } from 'zod';
import { dataContract, type DataContract } from '../contracts/contract.js';
import { PerennialError } from '../contracts/errors.js';
import { writtenSpec, type ModelSpec } from '../contracts/spec.js';
import { schemaProblems } from './schema-problems.js';
import { parseYaml, type FileProblem, type YamlDocument } from './yaml-document.js';

/** A spec with its data contract, ready to be applied. */
export interface SpecFile {
  spec: ModelSpec;
  contract: DataContract;
  /** Absolute folder that relative paths start from. */
  base: string;
}

const largestFile = 1_000_000;

/**
 * Reads `model.yaml` and the data contract it names. Throws SPEC_INVALID or CONTRACT_INVALID with every problem at once, one a line as
 * `model.yaml:12:5 data.source.format: …`, and FILE_NOT_FOUND where there is no such file.
 */
export async function readSpecFile(path: string): Promise<SpecFile> {
  const base = dirname(resolve(path));
  const document = parseYaml(await readSmallFile(path), path);
  const spec = checkDocument(document, writtenSpec);
  const contract = await readContract(document, path, base);
  const problems = [...spec.problems, ...contract.problems];
  if (spec.value && contract.value && problems.length === 0)
    return { spec: spec.value, contract: contract.value, base };
  throw new PerennialError(
    problems.some((problem) => problem.file === path) ? 'SPEC_INVALID' : 'CONTRACT_INVALID',
    problems.map(sayProblem).join('\n'),
    { problems },
  );
}

/** Reads a spec from text alone; `file` names it in the messages. Throws SPEC_INVALID. */
export function parseSpec(text: string, file = 'model.yaml'): ModelSpec {
  const { value, problems } = checkDocument(parseYaml(text, file), writtenSpec);
  if (value) return value;
  throw new PerennialError('SPEC_INVALID', problems.map(sayProblem).join('\n'), { problems });
}

/** Reads a data contract from text alone. Throws CONTRACT_INVALID. */
export function parseContract(text: string, file = 'contract.yaml'): DataContract {
  const { value, problems } = checkDocument(parseYaml(text, file), dataContract);
  if (value) return value;
  throw new PerennialError('CONTRACT_INVALID', problems.map(sayProblem).join('\n'), { problems });
}

export function sayProblem({ file, line, column, path, message }: FileProblem): string {
  return `${file}:${line}:${column} ${path ? `${path}: ` : ''}${message}`;
}

interface Checked<T> {
  value: T | undefined;
  problems: FileProblem[];
}

/** What the schema makes of a document, or all its problems in the order of the text. */
export function checkDocument<T>(document: YamlDocument, schema: z.ZodType<T>): Checked<T> {
  if (document.problems.length > 0) return { value: undefined, problems: document.problems };
  const parsed = schema.safeParse(document.value);
  if (parsed.success) return { value: parsed.data, problems: [] };
  return {
    value: undefined,
    problems: inOrder(schemaProblems(document, schema, parsed.error.issues)),
  };
}

/** As a reader of the file meets them, and one for each place: a number above two limits is one mistake. */
function inOrder(problems: FileProblem[]): FileProblem[] {
  const places = new Set<string>();
  return problems
    .filter(({ line, column, path }) => {
      const place = `${line}:${column} ${path}`;
      return !places.has(place) && places.add(place);
    })
    .toSorted((a, b) => a.line - b.line || a.column - b.column);
}

/** Looks at the contract even when the spec has mistakes, so that all of them are told at once. */
async function readContract(
  document: YamlDocument,
  specPath: string,
  base: string,
): Promise<Checked<DataContract>> {
  const named = contractPathOf(document.value);
  if (named === undefined) return { value: undefined, problems: [] };
  try {
    const text = await readSmallFile(resolve(base, named));
    return checkDocument(parseYaml(text, join(dirname(specPath), named)), dataContract);
  } catch (error) {
    if (!(error instanceof PerennialError)) throw error;
    const problem = document.problemAt(['data', 'contract'], error.message);
    return { value: undefined, problems: [problem] };
  }
}

function contractPathOf(spec: unknown): string | undefined {
  if (typeof spec !== 'object' || spec === null || !('data' in spec)) return undefined;
  const { data } = spec;
  if (typeof data !== 'object' || data === null || !('contract' in data)) return undefined;
  return typeof data.contract === 'string' && data.contract !== '' ? data.contract : undefined;
}

export async function readSmallFile(path: string): Promise<string> {
  const found = await stat(path).catch(() => null);
  if (!found?.isFile())
    throw new PerennialError('FILE_NOT_FOUND', `There is no file '${path}'.`, { path });
  if (found.size > largestFile)
    throw new PerennialError(
      'SPEC_INVALID',
      `'${path}' has ${found.size} bytes; at most ${largestFile} are read.`,
    );
  return readFile(path, 'utf8');
}
