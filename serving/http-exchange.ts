import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { PerennialError } from '../contracts/errors.js';

export interface Reply {
  status: number;
  body: string;
  type?: string;
  headers?: Record<string, string>;
}

export function jsonReply(value: unknown, status = 200): Reply {
  return { status, body: JSON.stringify(value) };
}

/** Every error in the protocol's form, `{ error }`, with the stable code beside it. */
export function errorReply(error: PerennialError): Reply {
  const reply = jsonReply({ error: error.message, code: error.code }, error.entry.http);
  if (error.code === 'OVERLOADED') reply.headers = { 'retry-after': '1' };
  // What is left of a body that was too large is not worth reading.
  if (error.code === 'BODY_TOO_LARGE') reply.headers = { connection: 'close' };
  return reply;
}

export function sendReply(response: ServerResponse, reply: Reply): void {
  if (response.destroyed) return;
  response.writeHead(reply.status, {
    'content-type': reply.type ?? 'application/json',
    'content-length': Buffer.byteLength(reply.body),
    ...reply.headers,
  });
  response.end(reply.body);
}

/** Reads a JSON body. Throws BODY_TOO_LARGE, NOT_JSON, REQUEST_SHAPE for encodings that are not understood. */
export function readJsonBody(request: IncomingMessage, limit: number): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const { headers } = request;
    requireUnderstood(headers);
    const announced = Number(headers['content-length'] ?? 0);
    if (announced > limit) throw tooLarge(String(announced), limit);
    const chunks: Buffer[] = [];
    let bytes = 0;
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      chunks.push(chunk);
      if (bytes <= limit) return;
      request.removeAllListeners('data').resume();
      reject(tooLarge(`more than ${limit}`, limit));
    });
    request.on('end', () => {
      try {
        if (bytes <= limit) resolve(parseJson(chunks));
      } catch (error) {
        reject(error as PerennialError);
      }
    });
    request.on('error', () => {
      reject(new PerennialError('REQUEST_SHAPE', 'The body ended before its time.'));
    });
  });
}

function requireUnderstood(headers: IncomingHttpHeaders): void {
  const encoding = headers['content-encoding'] ?? 'identity';
  if (encoding !== 'identity')
    throw new PerennialError('REQUEST_SHAPE', `Content-encoding '${encoding}' is not understood.`);
  if (headers['inference-header-content-length'] !== undefined)
    throw new PerennialError(
      'REQUEST_SHAPE',
      'Binary tensors are not understood: send `data` as JSON.',
    );
}

function parseJson(chunks: readonly Buffer[]): unknown {
  const [only] = chunks;
  const bytes = chunks.length === 1 && only ? only : Buffer.concat(chunks);
  const text = bytes.toString('utf8');
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    const reason = text === '' ? 'it is empty' : (error as Error).message;
    throw new PerennialError('NOT_JSON', `The body is not JSON: ${reason}.`);
  }
}

function tooLarge(found: string, limit: number): PerennialError {
  return new PerennialError('BODY_TOO_LARGE', `The body has ${found} bytes; ${limit} are allowed.`);
}
