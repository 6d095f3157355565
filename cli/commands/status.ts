import { connect } from 'node:net';
import type { Command } from 'commander';
import { loadConfig } from '../../runtime/config.js';
import { isRunning } from '../../runtime/process-identity.js';
import { examples } from '../examples.js';
import { exitCodes } from '../failure.js';
import { paint, say, sayJson, sayTable } from '../output.js';
import { identityOf } from '../predecessor.js';
import { readStackNotes, type NotedPart } from '../stack-notes.js';

/** `status`: what runs from this home, and where. */
export function addStatusCommand(program: Command): void {
  program
    .command('status')
    .summary('show what runs on this machine, and where')
    .description(
      'Shows each part that `perennial up` runs from this PERENNIAL_HOME. Exit code 0 when all of it runs, 3 otherwise.',
    )
    .option('--json', 'print one JSON document')
    .addHelpText('after', examples('perennial status', 'perennial status --json'))
    .action(async ({ json }: { json?: true }) => {
      const { home } = loadConfig();
      const notes = await readStackNotes(home);
      const parts = await Promise.all((notes?.parts ?? []).map(inspect));
      const supervised = notes !== undefined && (await isRunning(notes.supervisor));
      const running = supervised && parts.every((part) => part.running);
      if (!running) process.exitCode = exitCodes.unreachable;
      if (json) return sayJson({ home, running, supervised, parts });
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
    });
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
