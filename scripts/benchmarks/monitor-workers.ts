/** The workers of `monitors`, in a process of their own, so that its memory is theirs. Arguments: the server's address, a folder. */
import { connectWorker } from '../../runtime/temporal/worker.js';
import { namespace } from '../../contracts/messages.js';
import { createInstantActivities } from './instant-activities.js';
import { createOurWorkers, silenceTemporal } from './temporal-home.js';

/** Monitors whose model is named so look four times a second, all others once an hour as by default. */
const brisk = 'brisk';

const [address = '', folder = ''] = process.argv.slice(2);
silenceTemporal();
const connection = await connectWorker({ address, namespace });
const activities = createInstantActivities({
  canary: [],
  approval: false,
  every: (model) => (model.startsWith(brisk) ? 250 : 3_600_000),
});
const workers = await createOurWorkers(connection, { activities, folder });
const running = Promise.all(workers.map((worker) => worker.run()));
process.on('SIGTERM', () => process.exit(0));
process.stdout.write(`${JSON.stringify({ ready: true })}\n`);
await running;
