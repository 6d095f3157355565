import { readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { z } from 'zod';
import { createGateway, createPerennial, type Perennial } from '../client/index.js';
import { readApiToken } from '../runtime/api-token.js';
import { loadConfig } from '../runtime/config.js';

/** What every command that talks to the control API takes. */
export interface CommonOptions {
  json?: true;
  api?: string;
  as?: string;
}

export function addCommonOptions(command: Command): Command {
  return command
    .option('--json', 'print one JSON document')
    .option(
      '--api <url>',
      'address of the control API (default: PERENNIAL_API, else the running stack)',
    );
}

export function addActingOptions(command: Command): Command {
  return addCommonOptions(command).option('--as <principal>', 'who acts (default: your user name)');
}

/** A client of the API that the options, the environment or the running stack name, in this order. Milliseconds until it gives up. */
export function connect({ api }: CommonOptions, timeout?: number): Perennial {
  const config = loadConfig();
  const url = api ?? config.api.url ?? addressOfStack(config.home, 'api');
  const { tokenFile } = config.api;
  return createPerennial({
    url: url ?? `http://127.0.0.1:${config.api.port || 7280}`,
    ...(tokenFile === undefined ? {} : { token: readApiToken(tokenFile) }),
    ...(timeout === undefined ? {} : { timeout }),
  });
}

/** A client of the gateway that the option or the running stack names. */
export function connectGateway(gateway: string | undefined): ReturnType<typeof createGateway> {
  const config = loadConfig();
  const url = gateway ?? addressOfStack(config.home, 'gateway');
  return createGateway({ url: url ?? `http://127.0.0.1:${config.gateway.port || 7281}` });
}

const stackFile = z.object({
  parts: z.array(z.object({ name: z.string(), address: z.string().nullish() })),
});

function addressOfStack(home: string, name: string): string | undefined {
  try {
    const found = stackFile.parse(JSON.parse(readFileSync(join(home, 'stack.json'), 'utf8')));
    return found.parts.find((part) => part.name === name)?.address ?? undefined;
  } catch {
    // No stack was started from here, or its file is half-written: the usual address is tried next.
    return undefined;
  }
}

/** Who acts: the option, or the name of the operating system's user as an id. */
export function principalOf({ as }: CommonOptions): string {
  if (as !== undefined) return as;
  const name = userName()
    .toLowerCase()
    .replaceAll(/[^a-z0-9._:-]/g, '-')
    .replace(/^[^a-z0-9]+/, '');
  return name.slice(0, 64) || 'somebody';
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    // A container may run under a number that has no name.
    return process.env.USER ?? '';
  }
}
