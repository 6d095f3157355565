import { once } from 'node:events';
import type { IncomingMessage, RequestOptions } from 'node:http';
import https from 'node:https';
import { json, text } from 'node:stream/consumers';
import type { KubeConfig } from '@kubernetes/client-node';
import { z } from 'zod';
import { PerennialError } from '../../contracts/errors.js';

/** The API server's own no: the object is not there, is there already, is not a legal one, or nobody may do this. */
export class Refusal extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export interface Question {
  method?: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** After the server's address; `{namespace}` is the one that trainings live in. */
  path: string;
  query?: Record<string, string | number | boolean>;
  body?: unknown;
  signal?: AbortSignal;
}

/** What Perennial needs of a Kubernetes API server. Both throw Refusal, and ENGINE_UNAVAILABLE where no answer of sense came. */
export interface Cluster {
  readonly namespace: string;
  ask(question: Question): Promise<unknown>;
  /** The answer as it comes: a log or a watch. */
  open(question: Question): Promise<IncomingMessage>;
}

/** Neither a log nor a watch is silent for longer without being over. */
const silenceMs = 20_000;
/** How long credentials that were read are good for: tokens and certificates change on disk. */
const credentialsMs = 60_000;
const failure = z.object({ message: z.string() });

/**
 * The cluster of a kubeconfig's context (its current one by default), else of the pod that this process runs in.
 * Throws CONFIG_INVALID where there is none.
 */
export async function openCluster({
  context,
  namespace,
}: {
  context?: string | undefined;
  namespace: string;
}): Promise<Cluster> {
  const config = await loadKubeConfig(context);
  const base = new URL(config.getCurrentCluster()?.server ?? '');
  const { request } = base.protocol === 'http:' ? await import('node:http') : https;
  let credentials: { options: RequestOptions; until: number } | undefined;

  async function connection(): Promise<RequestOptions> {
    if (credentials && performance.now() < credentials.until) return credentials.options;
    const options: RequestOptions = {};
    await config.applyToHTTPSOptions(options);
    credentials = { options, until: performance.now() + credentialsMs };
    return options;
  }

  async function open({ method = 'GET', path, query = {}, body, signal }: Question) {
    const url = new URL(base);
    url.pathname = base.pathname.replace(/\/$/, '') + path.replace('{namespace}', namespace);
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, String(value));
    const options = await connection();
    const content = body === undefined ? undefined : JSON.stringify(body);
    const headers = {
      ...(options.headers as Record<string, string> | undefined),
      accept: 'application/json',
      // Without its length Node sends a DELETE's body as if it were the next request.
      ...(content === undefined
        ? {}
        : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(content) }),
    };
    const asking = request(url, {
      ...options,
      method,
      headers,
      timeout: silenceMs,
      ...(signal ? { signal } : {}),
    });
    asking.on('timeout', () => asking.destroy(new Error('no answer in time')));
    asking.end(content);
    const [answer] = (await once(asking, 'response').catch((error: unknown) => {
      signal?.throwIfAborted();
      throw unavailable(url, error);
    })) as [IncomingMessage];
    // One that is cut off in the middle is the reader's to notice.
    asking.on('error', () => {});
    const status = answer.statusCode ?? 0;
    if (status < 300) return answer;
    throw refused(url, status, await text(answer).catch(() => ''));
  }

  async function ask(question: Question): Promise<unknown> {
    const answer = await open(question);
    try {
      return await json(answer);
    } catch (error) {
      throw unavailable(base, error);
    }
  }

  return { namespace, ask, open };
}

async function loadKubeConfig(context: string | undefined): Promise<KubeConfig> {
  // The library weighs 60 MB of memory: only who trains on Kubernetes pays for it.
  const { KubeConfig } = await import('@kubernetes/client-node');
  const config = new KubeConfig();
  try {
    config.loadFromDefault();
    if (context !== undefined) config.setCurrentContext(context);
    await config.applyToHTTPSOptions({});
  } catch (error) {
    throw new PerennialError(
      'CONFIG_INVALID',
      `The kubeconfig is of no use: ${(error as Error).message}`,
      {},
      { cause: error },
    );
  }
  if (config.getCurrentCluster() !== null) return config;
  throw new PerennialError(
    'CONFIG_INVALID',
    `The kubeconfig names no cluster${context === undefined ? '' : ` by the context '${context}'`}.`,
  );
}

function refused(url: URL, status: number, body: string): Error {
  const message = messageOf(body) ?? `HTTP ${status}`;
  if (status === 429 || status >= 500) return unavailable(url, new Error(message));
  if (status !== 401 && status !== 403) return new Refusal(status, message);
  return new PerennialError(
    'CONFIG_INVALID',
    `The Kubernetes cluster does not let this worker act: ${message}`,
  );
}

function messageOf(body: string): string | undefined {
  try {
    return failure.safeParse(JSON.parse(body)).data?.message;
  } catch {
    return undefined;
  }
}

function unavailable(url: URL, cause: unknown): PerennialError {
  return new PerennialError(
    'ENGINE_UNAVAILABLE',
    `The Kubernetes API at ${url.host} does not answer: ${(cause as Error).message}`,
    {},
    { cause },
  );
}
