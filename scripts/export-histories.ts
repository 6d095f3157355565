/**
 * Exports histories of real runs into test/histories/<type>/, to be replayed by the tests against every later workflow code:
 *   node runtime/launch.mjs scripts/export-histories.ts [--query QUERY] [--limit N a type] [--into FOLDER]
 * Needs TEMPORAL_ADDRESS, as `perennial status` prints it.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { Client } from '@temporalio/client';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { PerennialError } from '../contracts/errors.js';
import { loadConfig } from '../runtime/config.js';
import { connectTemporal } from '../runtime/temporal.js';

/** Writes up to `limit` histories of each type; an id and a run name a file, so that exporting again replaces. Returns the paths. */
async function exportHistories(
  client: Client,
  { into, query, limit }: { into: string; query?: string | undefined; limit: number },
): Promise<string[]> {
  const written: string[] = [];
  const counts = new Map<string, number>();
  for await (const { type, workflowId, runId, status } of client.workflow.list(
    query === undefined ? {} : { query },
  )) {
    const count = counts.get(type) ?? 0;
    if (count >= limit) continue;
    counts.set(type, count + 1);
    const history = await client.workflow.getHandle(workflowId, runId).fetchHistory();
    const name = `${workflowId.replaceAll('/', '-')}-${status.name.toLowerCase()}-${runId.slice(-8)}.json`;
    const folder = join(into, type);
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, name), withoutMachine(historyToJSON(history)));
    written.push(join(folder, name));
  }
  return written;
}

/** A replay needs neither who ran it nor where its files lay. */
function withoutMachine(history: string): string {
  const parsed: unknown = JSON.parse(history, (key, value: unknown) => {
    if (key === 'identity') return 'worker';
    if (key === 'stackTrace') return '';
    // Sticky queues are named after the worker, which is named after its machine.
    return typeof value === 'string' && /^\d+@/.test(value) ? 'worker' : value;
  });
  return `${JSON.stringify(parsed)}\n`;
}

if (process.argv[1] === import.meta.filename) {
  const { values } = parseArgs({
    options: {
      query: { type: 'string' },
      limit: { type: 'string', default: '2' },
      into: { type: 'string', default: 'test/histories' },
    },
  });
  const { temporal } = loadConfig();
  if (temporal.address === undefined)
    throw new PerennialError('CONFIG_INVALID', 'TEMPORAL_ADDRESS is not set: which server?');
  const { client, close } = await connectTemporal({ ...temporal, address: temporal.address });
  const written = await exportHistories(client, {
    into: resolve(values.into),
    query: values.query,
    limit: Number(values.limit),
  });
  process.stdout.write(`${written.join('\n')}\n${written.length} histories\n`);
  await close();
  process.exit(0);
}
