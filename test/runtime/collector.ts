import { createServer } from 'node:http';
import { type AddressInfo } from 'node:net';
import { z } from 'zod';

const value = z.object({
  stringValue: z.string().optional(),
  intValue: z.union([z.number(), z.string()]).optional(),
});
const attributes = z.array(z.object({ key: z.string(), value })).default([]);
const span = z.object({
  traceId: z.string(),
  spanId: z.string(),
  parentSpanId: z.string().optional(),
  name: z.string(),
  attributes,
});
const request = z.object({
  resourceSpans: z.array(
    z.object({
      resource: z.object({ attributes }),
      scopeSpans: z.array(z.object({ spans: z.array(span) })),
    }),
  ),
});

export interface CollectedSpan {
  traceId: string;
  spanId: string;
  parentSpanId: string | undefined;
  name: string;
  service: string | undefined;
  attributes: Record<string, string | number | undefined>;
}

export interface Collector {
  url: string;
  spans: CollectedSpan[];
  /** The headers of each request that brought some. */
  headers: NodeJS.Dict<string | string[]>[];
  close: () => Promise<void>;
}

/** As much of an OpenTelemetry collector as it takes to read what it was sent: OTLP as JSON over HTTP. */
export async function startCollector({ port = 0 }: { port?: number } = {}): Promise<Collector> {
  const spans: CollectedSpan[] = [];
  const headers: Collector['headers'] = [];
  const server = createServer((asked, answer) => {
    const chunks: Buffer[] = [];
    asked.on('data', (chunk: Buffer) => chunks.push(chunk));
    asked.on('end', () => {
      headers.push(asked.headers);
      if (asked.url === '/v1/traces') spans.push(...read(Buffer.concat(chunks).toString()));
      answer.writeHead(asked.url === '/v1/traces' ? 200 : 404).end('{}');
    });
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    headers,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function read(body: string): CollectedSpan[] {
  return request.parse(JSON.parse(body)).resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap((scope) =>
      scope.spans.map((each) => ({
        ...each,
        parentSpanId: each.parentSpanId,
        service: String(asRecord(resource.attributes)['service.name']),
        attributes: asRecord(each.attributes),
      })),
    ),
  );
}

function asRecord(given: z.infer<typeof attributes>): CollectedSpan['attributes'] {
  return Object.fromEntries(
    given.map(({ key, value: { stringValue, intValue } }) => [key, stringValue ?? intValue]),
  );
}
