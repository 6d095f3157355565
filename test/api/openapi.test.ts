import { describe, expect, test } from 'vitest';
import { createApi } from '../../api/app.js';
import type { ApiDependencies } from '../../api/dependencies.js';

interface Operation {
  summary?: string;
  parameters?: { name: string; in: string }[];
  requestBody?: unknown;
  responses: Record<string, { description: string; content?: Record<string, { schema: object }> }>;
}
interface Document {
  openapi: string;
  paths: Record<string, Record<string, Operation>>;
}

// Routes take hold of what they stand on only when they are asked.
const api = createApi({} as ApiDependencies);
const document = (await (await api.request('/api/v1/openapi.json')).json()) as Document;
const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
);

describe('the OpenAPI document', () => {
  test('is of version 3.1 and refers to nothing that is not there', () => {
    expect(document.openapi).toBe('3.1.0');
    expect(JSON.stringify(document)).not.toContain('$ref');
  });

  test('has every route that answers', () => {
    const answering = api.routes
      .filter(({ path, method }) => method !== 'ALL' && path.startsWith('/api/v1/'))
      .map(({ path, method }) => `${method} ${path.replaceAll(/:(\w+)(\{[^}]*\})?/g, '{$1}')}`)
      .filter((each) => each !== 'GET /api/v1/openapi.json');
    const documented = operations.map(({ path, method }) => `${method.toUpperCase()} ${path}`);
    expect([...new Set(answering)].toSorted()).toEqual(documented.toSorted());
    expect(documented.length).toBeGreaterThan(15);
  });

  test.each(operations.map((each) => [`${each.method} ${each.path}`, each] as const))(
    'says of %s what it is for, what it takes and what it answers, errors too',
    (_, { path, method, operation }) => {
      expect(operation.summary).toMatch(/^[A-Z]/);
      const named = [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1]);
      const declared = (operation.parameters ?? []).filter((each) => each.in === 'path');
      expect(declared.map((each) => each.name).toSorted()).toEqual(named.toSorted());
      expect(operation.requestBody !== undefined).toBe(['post', 'put'].includes(method));
      expect(Object.keys(operation.responses)).toEqual(['200', 'default']);
      const error = operation.responses.default?.content?.['application/json']?.schema;
      expect(error).toMatchObject({ required: ['code', 'message', 'hint', 'requestId'] });
    },
  );
});
