// Starts score-worker.ts in a worker thread. JavaScript, because a thread does not take over its parent's TypeScript loader and
// `--import` is not heeded in threads on Node 20: it has to register its own first.
import { register } from 'tsx/esm/api';

register();
await import('./score-worker.ts');
