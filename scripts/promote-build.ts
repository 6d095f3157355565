import { PerennialError } from '../contracts/errors.js';
import { loadConfig } from '../runtime/config.js';
import { connectTemporal } from '../runtime/temporal/connection.js';
import { promoteBuild } from '../workers/promote-build.js';

const usage = `Usage: ./scripts/promote-build BUILD_ID

Makes BUILD_ID the current build at every queue, for workers that run with PERENNIAL_WORKER_VERSIONING=pinned: what starts from now on
runs on it, what runs already ends on the build it was started on, and monitors move at their next check. Its workers have to run.
TEMPORAL_ADDRESS and TEMPORAL_NAMESPACE say where (127.0.0.1:7233, perennial).
`;

async function main(buildId: string): Promise<void> {
  const { temporal } = loadConfig();
  const address = temporal.address ?? `127.0.0.1:${temporal.port}`;
  const { client, close } = await connectTemporal({ ...temporal, address });
  try {
    await promoteBuild(client, buildId);
    process.stdout.write(`New work runs on build ${buildId} from now on.\n`);
  } finally {
    await close();
  }
}

const [buildId, ...more] = process.argv.slice(2);
if (buildId === '--help' || buildId === '-h') process.stdout.write(usage);
else if (buildId === undefined || more.length > 0) {
  process.stderr.write(usage);
  process.exitCode = 2;
} else
  await main(buildId).catch((error: unknown) => {
    const known = error instanceof PerennialError;
    process.stderr.write(
      known ? `${error.code}: ${error.message}\n  ${error.entry.hint}\n` : `${String(error)}\n`,
    );
    process.exitCode = 1;
  });
