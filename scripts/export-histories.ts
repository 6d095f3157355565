/** Exports histories of real runs into test/histories/<type>/, to be replayed by the tests against every later workflow code. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Client } from '@temporalio/client';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { loadConfig } from '../runtime/config.js';
import { connectTemporal } from '../runtime/temporal/connection.js';
import { createCommand, wholeNumber } from './command-line.js';

/** Writes up to `limit` histories of each type; an id and a run name a file, so that exporting again replaces. Returns the paths. */
async function exportHistories(
  client: Client,
  { into, query, limit }: { into: string; query: string | undefined; limit: number },
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

const command = createCommand('node runtime/launch.mjs scripts/export-histories.ts')
  .description('Exports histories of real runs, to be replayed against every later workflow code.')
  .option('--query <query>', 'only what this query of Temporal finds')
  .option('--limit <number>', 'how many of each type', wholeNumber(1), 2)
  .option('--into <folder>', 'a folder for each type is made in it', 'test/histories')
  .addHelpText('after', '\nTEMPORAL_ADDRESS names the server, as `perennial status` prints it.')
  .parse();
const { into, query, limit } = command.opts<{ into: string; query?: string; limit: number }>();

async function main(): Promise<void> {
  const { temporal } = loadConfig();
  const { address } = temporal;
  if (address === undefined) return command.error('TEMPORAL_ADDRESS is not set: which server?');
  const { client, close } = await connectTemporal({ ...temporal, address });
  const written = await exportHistories(client, { into: resolve(into), query, limit });
  process.stdout.write(`${written.join('\n')}\n${written.length} histories\n`);
  await close();
}

await main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
process.exit();
