/** The answers of the double that go on: a pod's log and a watch, and how they break. */
import type { ServerResponse } from 'node:http';
import type { LogLine } from './container.js';
import type { StoredPod } from './node.js';
import { fail, isSelected, send } from './server.js';
import type { Store } from './store.js';
import type { Kind } from './validate.js';

/** What goes wrong next, and how often. */
export interface Faults {
  /** Every request gets this. */
  refuse: [status: number, message: string] | undefined;
  /** Logs cut off in the middle. */
  cutLogs: number;
  /** Watches cut off after their first event. */
  cutWatches: number;
  /** Watches whose version is called too old. */
  expireWatches: number;
  /** Lists whose second page is called too old. */
  expirePages: number;
}

export function sendLog(
  pod: StoredPod,
  log: LogLine[] | undefined,
  url: URL,
  response: ServerResponse,
  faults: Faults,
): void {
  const container = pod.spec.containers[0]?.name;
  if (url.searchParams.get('container') !== container)
    return fail(response, 400, `container ${url.searchParams.get('container')} is not valid`);
  if (!log) return fail(response, 400, `container "${container}" is waiting to start`);
  const since = Date.parse(url.searchParams.get('sinceTime') ?? '') || 0;
  const newest = Number(url.searchParams.get('tailLines') ?? Infinity);
  const timed = url.searchParams.get('timestamps') === 'true';
  const body = Buffer.concat(
    log
      .filter(({ time }) => time.getTime() >= Math.floor(since / 1_000) * 1_000)
      .slice(-newest)
      .flatMap(({ time, bytes }) => [
        Buffer.from(timed ? `${time.toISOString().replace('Z', '000000Z')} ` : ''),
        bytes,
      ]),
  );
  response.writeHead(200, { 'content-type': 'text/plain' });
  if (body.length > 1 && faults.cutLogs > 0) {
    faults.cutLogs -= 1;
    response.write(body.subarray(0, Math.ceil(body.length / 2)), () => response.destroy());
    return;
  }
  response.end(body);
}

export function sendWatch(
  store: Store,
  kind: Kind,
  url: URL,
  response: ServerResponse,
  faults: Faults,
): void {
  if (faults.expireWatches > 0) {
    faults.expireWatches -= 1;
    // A real API server says so inside the stream.
    return send(response, 200, { type: 'ERROR', object: { kind: 'Status', code: 410 } });
  }
  response.writeHead(200, { 'content-type': 'application/json' });
  response.flushHeaders();
  const since = Number(url.searchParams.get('resourceVersion'));
  let isCut = false;
  const end = store.watch(kind, since, ({ type, object }) => {
    if (isCut || !isSelected(object, url)) return;
    const event = `${JSON.stringify({ type, object })}\n`;
    if (faults.cutWatches > 0) {
      faults.cutWatches -= 1;
      isCut = true;
      response.write(event.slice(0, 20), () => response.destroy());
      return;
    }
    response.write(event);
  });
  const seconds = Number(url.searchParams.get('timeoutSeconds') ?? 300);
  const timer = setTimeout(() => response.end(), seconds * 1_000);
  response.on('close', () => {
    end();
    clearTimeout(timer);
  });
}
