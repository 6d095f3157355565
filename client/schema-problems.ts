import { z } from 'zod';
import { nearestWord } from './nearest-word.js';
import type { FileProblem, YamlDocument } from './yaml-document.js';

type Issue = z.core.$ZodIssue;

/** Says in sentences, each with line and column, what keeps a document from fitting its schema. */
export function schemaProblems(
  document: YamlDocument,
  schema: z.core.$ZodType,
  issues: readonly Issue[],
): FileProblem[] {
  return issues.flatMap((issue) => describeIssue(document, schema, issue, []));
}

function describeIssue(
  document: YamlDocument,
  schema: z.core.$ZodType,
  issue: Issue,
  above: PropertyKey[],
): FileProblem[] {
  const path = [...above, ...issue.path];
  if (issue.code === 'unrecognized_keys') {
    const known = knownKeys(schema, path);
    return issue.keys.map((key) => document.problemAtKey(path, key, unknownKey(key, known)));
  }
  if (issue.code === 'invalid_union' && issue.errors.length > 0) {
    // The branch that failed least is the one that was meant.
    const closest = issue.errors.toSorted((a, b) => a.length - b.length)[0] ?? [];
    return closest.flatMap((each) => describeIssue(document, schema, each, path));
  }
  return [document.problemAt(path, sentenceOf(issue, valueAt(document.value, path)))];
}

function unknownKey(key: string, known: string[]): string {
  const nearest = nearestWord(key, known);
  if (nearest) return `there is no key '${key}' here; did you mean '${nearest}'?`;
  return known.length > 0
    ? `there is no key '${key}' here; possible are ${known.join(', ')}`
    : `there is no key '${key}' here`;
}

function sentenceOf(issue: Issue, value: unknown): string {
  const found = value === undefined ? 'nothing' : JSON.stringify(value)?.slice(0, 60);
  if (issue.code === 'invalid_type' && value === undefined) return 'is missing';
  if (issue.code === 'invalid_type') return `expected ${issue.expected}, found ${found}`;
  if (issue.code === 'invalid_value' && value === undefined)
    return `is missing: ${issue.values.map(String).join(' or ')}`;
  if (issue.code === 'invalid_value')
    return `must be ${issue.values.map(String).join(' or ')}, found ${found}`;
  if (issue.code === 'custom') return issue.message;
  return `${issue.message} (found ${found})`;
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (inner, key) =>
      typeof inner === 'object' && inner !== null ? Reflect.get(inner, key) : undefined,
    value,
  );
}

function knownKeys(schema: z.core.$ZodType, path: readonly PropertyKey[]): string[] {
  let candidates = [schema].flatMap(openUp);
  for (const part of path) candidates = candidates.flatMap((each) => childrenOf(each, part));
  return [
    ...new Set(
      candidates.flatMap((each) => (each instanceof z.ZodObject ? Object.keys(each.shape) : [])),
    ),
  ];
}

function childrenOf(schema: z.core.$ZodType, part: PropertyKey): z.core.$ZodType[] {
  if (schema instanceof z.ZodObject) {
    const shape: Record<PropertyKey, z.core.$ZodType> = schema.shape;
    const member = shape[part];
    return member ? openUp(member) : [];
  }
  if (schema instanceof z.ZodArray) return openUp(schema.element);
  if (schema instanceof z.ZodRecord) return openUp(schema.valueType);
  return [];
}

/** A schema without its wrappers: optional, default, prefault; a union gives each of its options. */
function openUp(schema: z.core.$ZodType): z.core.$ZodType[] {
  if (
    schema instanceof z.ZodOptional ||
    schema instanceof z.ZodDefault ||
    schema instanceof z.ZodPrefault ||
    schema instanceof z.ZodNullable
  )
    return openUp(schema.unwrap());
  if (schema instanceof z.ZodUnion) return schema.options.flatMap(openUp);
  return [schema];
}
