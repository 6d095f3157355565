import { readFileSync } from 'node:fs';
import { PerennialError } from '../contracts/errors.js';

/** Shorter ones are guessed. `openssl rand -hex 32` gives 64. */
const shortest = 32;

/** The token in this file, without the white space around it. Throws CONFIG_INVALID where there is none that could be sent in a header. */
export function readApiToken(path: string): string {
  const token = readToken(path);
  if (/^[\x21-\x7e]+$/.test(token) && token.length >= shortest) return token;
  throw new PerennialError(
    'CONFIG_INVALID',
    `PERENNIAL_API_TOKEN_FILE is '${path}', which holds no token: at least ${shortest} characters of ASCII without spaces (openssl rand -hex 32).`,
  );
}

function readToken(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (cause) {
    throw new PerennialError(
      'CONFIG_INVALID',
      `PERENNIAL_API_TOKEN_FILE is '${path}', which cannot be read: ${cause instanceof Error ? cause.message : String(cause)}.`,
      {},
      { cause },
    );
  }
}
