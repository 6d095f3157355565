import { connect } from 'node:net';
import type { Command } from 'commander';
import type { AwaitedMoney } from '../../contracts/budget.js';
import { loadConfig } from '../../runtime/config.js';
import { isRunning } from '../../runtime/process-identity.js';
import { examples } from '../examples.js';
import { exitCodes } from '../failure.js';
import { connect as connectApi, type CommonOptions } from '../connection.js';
import { sayAwaited, standingOf } from '../evidence-view.js';
import { paint, say, sayJson, sayTable } from '../output.js';
import { identityOf } from '../stack/predecessor.js';
import { readStackNotes, type NotedPart } from '../stack/notes.js';
import { newestDelivery } from './delivery.js';

/** Milliseconds that the control API may take to say what waits. */
const answerMs = 3_000;

/** `status`: what runs from this home, and where; of a model how its newest delivery stands. */
export function addStatusCommand(program: Command): void {
  program
    .command('status [model]')
    .summary('show what runs on this machine, and where; or how a model stands')
    .description(
      'Shows each part that `perennial up` runs from this PERENNIAL_HOME, and the trainings that wait for money or for GPUs that no worker owns. Exit code 0 when all of it runs, 3 otherwise. With a model it says in one line how its newest delivery stands, and what it waits for.',
    )
    .option('--json', 'print one JSON document')
    .option('--api <url>', 'with a model: address of the control API')
    .addHelpText(
      'after',
      examples('perennial status', 'perennial status --json', 'perennial status flight-delay'),
    )
    .action(async (model: string | undefined, options: CommonOptions) => {
      if (model !== undefined) return sayStanding(model, options);
      const { json } = options;
      const { home } = loadConfig();
      const notes = await readStackNotes(home);
      const parts = await Promise.all((notes?.parts ?? []).map(inspect));
      const supervised = notes !== undefined && (await isRunning(notes.supervisor));
      const running = supervised && parts.every((part) => part.running);
      if (!running) process.exitCode = exitCodes.unreachable;
      const waiting = await askWhatWaits(parts);
      if (json) return sayJson({ home, running, supervised, parts, ...waiting });
      sayTable(
        ['part', 'address', 'state', 'pid'],
        parts.map(({ name, address, pid, running: up }) => [
          name,
          address,
          up ? paint('green', 'running') : paint('red', 'gone'),
          pid ?? null,
        ]),
        `Nothing runs from ${home}; \`perennial up\` starts it.`,
      );
      if (notes && !supervised)
        say('Nobody supervises these: `perennial up` adopts them, `perennial down` stops them.');
      for (const name of waiting.unservedGpuClasses)
        say(
          `Trainings wait for GPU class ${name}, which no worker serves; start one with PERENNIAL_GPUS=${name}:1`,
        );
      for (const each of waiting.awaitedMoney) sayAwaited(each);
    });
}

async function sayStanding(model: string, options: CommonOptions): Promise<void> {
  const perennial = connectApi(options);
  const number = await newestDelivery(perennial, model);
  const detail = await perennial.showDelivery(model, number);
  if (options.json) return sayJson(detail);
  const { stage, outcome } = detail.delivery;
  const standing = [outcome ?? stage, standingOf(detail)].filter(Boolean).join(': ');
  say(`${paint('bold', model)} delivery ${number}, ${standing}`);
}

interface Waiting {
  awaitedMoney: AwaitedMoney[];
  unservedGpuClasses: string[];
}

/** What waits for money and for machines, where a control API of this stack answers at once. The table stands without it. */
async function askWhatWaits(parts: (NotedPart & { running: boolean })[]): Promise<Waiting> {
  const nothing = { awaitedMoney: [], unservedGpuClasses: [] };
  const api = parts.find(({ name, running }) => name === 'api' && running);
  if (!api) return nothing;
  const perennial = connectApi({ api: api.address }, answerMs);
  const [awaitedMoney, { unservedGpuClasses }] = await Promise.all([
    perennial.listAwaitedMoney().catch(() => []),
    perennial.status().catch(() => nothing),
  ]);
  return { awaitedMoney, unservedGpuClasses };
}

async function inspect(part: NotedPart): Promise<NotedPart & { running: boolean }> {
  const identity = identityOf(part);
  const running = identity ? await isRunning(identity) : await isListening(part.address);
  return { ...part, running };
}

/** Whether somebody takes connections at host:port or at the host and port of a URL. */
function isListening(address: string): Promise<boolean> {
  const { hostname, port } = new URL(address.includes('://') ? address : `tcp://${address}`);
  return new Promise((settle) => {
    const socket = connect({ host: hostname, port: Number(port), timeout: 2_000 });
    const answer = (listening: boolean) => {
      socket.destroy();
      settle(listening);
    };
    socket.once('connect', () => answer(true));
    socket.once('error', () => answer(false));
    socket.once('timeout', () => answer(false));
  });
}
