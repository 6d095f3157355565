import { createRequire } from 'node:module';

const { version } = createRequire(import.meta.url)('../package.json') as { version: string };

/** Which Perennial this is: part of every version's lineage. */
export const codeRevision = `perennial@${version}`;
