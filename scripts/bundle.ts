import { resolve } from 'node:path';
import { loadConfig } from '../runtime/config.js';
import { prepareBundle } from '../workers/bundle.js';

/** Prepares the workflow bundle ahead of a first start and prints where it lies. */
const { codePath } = await prepareBundle(resolve(loadConfig().home, 'bundles'));
process.stdout.write(`${codePath}\n`);
