import { resolve } from 'node:path';
import { loadConfig } from '../runtime/config.js';
import { prepareBundle } from '../workers/bundle.js';

/** Prepares the workflow bundle ahead of a first start and prints where it lies. */
const { home, tracing } = loadConfig();
const { codePath } = await prepareBundle(resolve(home, 'bundles'), {
  traced: tracing !== undefined,
});
process.stdout.write(`${codePath}\n`);
