/** What kube-controller-manager does for Jobs, as far as ours ask for it: pods by index, the failure policy, the end. */
import type { IJob } from 'kubernetes-models/batch/v1';
import type { Node, StoredPod } from './node.js';
import { now, type Store, type Stored } from './store.js';

export type StoredJob = Stored & Required<Pick<IJob, 'spec' | 'status'>>;

const jobName = 'batch.kubernetes.io/job-name';
const completionIndex = 'batch.kubernetes.io/job-completion-index';

export function createJobController(store: Store, node: () => Node) {
  /** Pods that a suspension ended: they count neither for nor against the Job. */
  const released = new Set<string>();

  function podsOf(job: StoredJob): StoredPod[] {
    return store
      .all<StoredPod>('Pod')
      .filter((pod) => pod.metadata.labels?.[jobName] === job.metadata.name);
  }

  function start(job: StoredJob): void {
    if (job.spec.suspend) {
      setCondition(job, 'Suspended', 'JobSuspended', 'Job suspended');
      return;
    }
    job.status.conditions = [];
    store.touch(job);
    for (let index = 0; index < (job.spec.parallelism ?? 1); index += 1) makePod(job, index);
  }

  function makePod(job: StoredJob, index: number): void {
    const { template } = job.spec;
    const suffix = Math.random().toString(36).slice(2, 7).padEnd(5, 'x');
    const pod = store.add<StoredPod>('Pod', {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: {
        name: `${job.metadata.name}-${index}-${suffix}`,
        labels: {
          ...template.metadata?.labels,
          [jobName]: job.metadata.name,
          [completionIndex]: String(index),
        },
        annotations: { [completionIndex]: String(index) },
      },
      spec: structuredClone(template.spec),
      status: { phase: 'Pending' },
    });
    node().schedule(pod);
  }

  function setCondition(job: StoredJob, type: string, reason: string, message: string): void {
    const condition = { type, status: 'True', reason, message, lastTransitionTime: now() };
    job.status.conditions = [...(job.status.conditions ?? []), condition];
    store.touch(job);
  }

  function isOver(job: StoredJob): boolean {
    return (job.status.conditions ?? []).some(({ type }) => ['Complete', 'Failed'].includes(type));
  }

  /** As a reconciliation does: looks at everything, whatever has changed. */
  function onPodEnd(pod: StoredPod): void {
    const job = store.find<StoredJob>('Job', pod.metadata.labels?.[jobName] ?? '');
    if (!job || isOver(job) || released.has(pod.metadata.uid)) return;
    const pods = podsOf(job);
    if (pod.status.phase === 'Succeeded') {
      const done = pods.filter(({ status }) => status.phase === 'Succeeded').length;
      if (done >= (job.spec.completions ?? 1))
        setCondition(job, 'Complete', 'CompletionsReached', '');
      return;
    }
    const verdict = failureOf(job, pod);
    for (const other of pods)
      if (other !== pod && other.status.phase === 'Running' && !other.metadata.deletionTimestamp)
        node().remove(other, other.spec.terminationGracePeriodSeconds ?? 30);
    setCondition(job, 'Failed', ...verdict);
  }

  function remove(job: StoredJob): void {
    job.metadata.deletionTimestamp = now();
    store.touch(job);
    for (const pod of podsOf(job))
      if (!pod.metadata.deletionTimestamp)
        node().remove(pod, pod.spec.terminationGracePeriodSeconds ?? 30);
    const wait = () => {
      if (podsOf(job).length > 0) return setTimeout(wait, 20).unref();
      for (const service of store.all('Service'))
        if (service.metadata.name === job.metadata.name) store.remove(service);
      return store.remove(job);
    };
    wait();
  }

  return {
    start,
    remove,
    onPodEnd,
    podsOf,
    /** As Kueue admits a workload, or takes it back for a more important one. */
    setSuspended(job: StoredJob, suspend: boolean): void {
      job.spec.suspend = suspend;
      if (suspend) {
        for (const pod of podsOf(job)) {
          released.add(pod.metadata.uid);
          node().remove(pod, 1);
        }
      }
      start(job);
    },
  };
}

function failureOf(job: StoredJob, pod: StoredPod): [reason: string, message: string] {
  const rules = job.spec.podFailurePolicy?.rules ?? [];
  const code = pod.status.containerStatuses?.[0]?.state?.terminated?.exitCode;
  const container = pod.spec.containers[0]?.name;
  for (const [index, { action, onExitCodes, onPodConditions }] of rules.entries()) {
    const rule = `matching ${action} rule at index ${index}`;
    const condition = onPodConditions?.find(({ type, status }) =>
      pod.status.conditions?.some((each) => each.type === type && each.status === status),
    );
    if (condition)
      return [
        'PodFailurePolicy',
        `Pod ${pod.metadata.name} has condition ${condition.type} ${rule}`,
      ];
    if (onExitCodes && code !== undefined && code !== 0) {
      const named = onExitCodes.values.includes(code);
      if (named === (onExitCodes.operator === 'In'))
        return [
          'PodFailurePolicy',
          `Container ${container} for pod ${pod.metadata.name} failed with exit code ${code} ${rule}`,
        ];
    }
  }
  return ['BackoffLimitExceeded', 'Job has reached the specified backoff limit'];
}
