/** Lets the Temporal SDK download its CLI into the folder named by the first argument. Ends with 1 where that cannot be had, so that scripts/setup takes the Python wheel. */
import { TestWorkflowEnvironment } from '@temporalio/testing';

const downloadDir = process.argv[2];
try {
  if (downloadDir === undefined) throw new Error('Name the folder to download to');
  // A closed network should cost seconds: the SDK itself would wait for minutes.
  await fetch('https://temporal.download/', { method: 'HEAD', signal: AbortSignal.timeout(4_000) });
  const environment = await TestWorkflowEnvironment.createLocal({
    server: { executable: { type: 'cached-download', downloadDir, ttl: '100 years' } },
  });
  await environment.teardown();
} catch (error) {
  console.error(error);
  process.exit(1);
}
process.exit(0);
