import { z } from 'zod';
import { Refusal, type Cluster } from './cluster.js';
import { label } from './manifest.js';
import { jobObject, listMetadata, podObject, type JobObject, type PodObject } from './objects.js';

export const jobsPath = '/apis/batch/v1/namespaces/{namespace}/jobs';
export const podsPath = '/api/v1/namespaces/{namespace}/pods';
export const servicesPath = '/api/v1/namespaces/{namespace}/services';

const perPage = 500;

/** Null where the cluster knows no Job by this key. */
export async function findJob(cluster: Cluster, key: string): Promise<JobObject | null> {
  const found = await unlessMissing(cluster.ask({ path: `${jobsPath}/${key}` }));
  return found === null ? null : jobObject.parse(found);
}

/** The pods of one job, and the version of the world they were seen in, from where they can be watched. */
export async function listPods(
  cluster: Cluster,
  key: string,
): Promise<{ pods: PodObject[]; version: string }> {
  const query = { labelSelector: `${label.jobName}=${key}` };
  const { metadata, items } = z
    .object({ metadata: listMetadata, items: z.array(podObject) })
    .parse(await cluster.ask({ path: podsPath, query }));
  return { pods: items, version: metadata.resourceVersion };
}

/** Everything of one kind that carries these labels, page by page. */
export async function listAll<T>(
  cluster: Cluster,
  path: string,
  labelSelector: string,
  item: z.ZodType<T>,
): Promise<T[]> {
  const page = z.object({ metadata: listMetadata, items: z.array(item) });
  for (;;) {
    const found: T[] = [];
    let next: string | undefined = '';
    try {
      while (next !== undefined) {
        const query = { labelSelector, limit: perPage, ...(next ? { continue: next } : {}) };
        const { metadata, items } = page.parse(await cluster.ask({ path, query }));
        found.push(...items);
        next = metadata.continue || undefined;
      }
      return found;
    } catch (error) {
      // 410: what the first page saw is forgotten by now. From the beginning, then.
      if (!(error instanceof Refusal && error.status === 410)) throw error;
    }
  }
}

/** Null in place of 404. */
export async function unlessMissing<T>(question: Promise<T>): Promise<T | null> {
  return question.catch((error: unknown) => {
    if (error instanceof Refusal && error.status === 404) return null;
    throw error;
  });
}
