import { sayFailure } from './failure.js';
import { createProgram } from './program.js';

/** The command line as a process. Its exit code says how it went: see cli/failure.ts. */
async function main(): Promise<void> {
  // A reader that has seen enough (`| head`) is no failure.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    process.exit(error.code === 'EPIPE' ? 0 : 1);
  });
  try {
    await createProgram().parseAsync(process.argv);
  } catch (error) {
    process.exitCode = sayFailure(error, { json: process.argv.includes('--json') });
  }
}

void main();
