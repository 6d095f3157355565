import { CommanderError } from 'commander';
import { PerennialError } from '../client/index.js';
import { showControls } from './controls.js';
import { paint, sayJson } from './output.js';

/** What the shell is told. */
export const exitCodes = { ok: 0, failed: 1, usage: 2, unreachable: 3 } as const;

/** A call that cannot be carried out as it was written. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** Says what went wrong, on stderr for people and as the one document with --json, and answers the exit code. */
export function sayFailure(error: unknown, { json }: { json: boolean }): number {
  // Commander has said it already.
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
  const told = describe(error);
  if (json) sayJson({ error: told });
  else {
    process.stderr.write(
      `${paint('red', told.code, process.stderr)} ${showControls(told.message)}\n`,
    );
    if (told.hint) process.stderr.write(`${paint('dim', told.hint, process.stderr)}\n`);
  }
  if (error instanceof UsageError) return exitCodes.usage;
  return told.code === 'SERVER_UNREACHABLE' ? exitCodes.unreachable : exitCodes.failed;
}

interface Told {
  code: string;
  message: string;
  hint: string;
  details?: Record<string, unknown>;
}

function describe(error: unknown): Told {
  if (error instanceof PerennialError)
    return {
      code: error.code,
      message: error.message,
      hint: error.entry.hint,
      details: error.details,
    };
  if (error instanceof UsageError) return { code: 'USAGE', message: error.message, hint: '' };
  if (isFileError(error))
    return {
      code: 'INPUT_INVALID',
      message: `${error.path ?? 'A file'}: ${error.message}.`,
      hint: 'Check the path and who may read and write there.',
    };
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { code: 'INTERNAL', message, hint: '' };
}

/** The operating system refused a path that somebody gave. */
function isFileError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error && 'path' in error;
}
