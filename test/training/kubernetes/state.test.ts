import { describe, expect, it } from 'vitest';
import { jobObject, podObject, type PodObject } from '../../../training/kubernetes/objects.js';
import {
  imageProblem,
  newestByRank,
  readState,
  readStopped,
} from '../../../training/kubernetes/state.js';

const began = '2026-11-22T06:00:00Z';
const ended = '2026-11-22T06:10:00Z';
const metadata = { name: 'a-job', uid: 'u', creationTimestamp: '2026-11-22T05:59:00Z' };

function job(conditions: object[] = [], { suspend = false, completions = 1 } = {}) {
  const given = conditions.map((each) => ({ status: 'True', lastTransitionTime: ended, ...each }));
  return jobObject.parse({
    metadata,
    spec: { suspend, completions },
    status: { conditions: given },
  });
}

function pod(state: object, changes: { name?: string; status?: object; metadata?: object } = {}) {
  const { name = 'a-job-0-abcde' } = changes;
  return podObject.parse({
    metadata: { ...metadata, name, uid: name, ...changes.metadata },
    status: { containerStatuses: [{ name: 'trainer', state }], ...changes.status },
  });
}

function endedPod(exitCode: number, reason = 'Error', changes: Parameters<typeof pod>[1] = {}) {
  return pod({ terminated: { exitCode, reason, startedAt: began, finishedAt: ended } }, changes);
}

function ofRank(rank: number) {
  return { labels: { 'batch.kubernetes.io/job-completion-index': String(rank) } };
}

const failed = { type: 'Failed', reason: 'PodFailurePolicy', message: 'matching FailJob rule' };

describe('What a Job and its pods mean', () => {
  it.each([
    ['suspended by its queue', job([], { suspend: true }), [], /queue/],
    ['without a pod yet', job(), [], /not made a pod/],
    [
      'with a pod that fits nowhere',
      job(),
      [
        pod(
          {},
          {
            status: {
              conditions: [
                {
                  type: 'PodScheduled',
                  status: 'False',
                  reason: 'Unschedulable',
                  message: '0/3 nodes are available: 3 Insufficient nvidia.com/gpu.',
                },
              ],
            },
          },
        ),
      ],
      /Insufficient nvidia\.com\/gpu/,
    ],
    [
      'with a pod that waits for its image',
      job(),
      [pod({ waiting: { reason: 'ErrImagePull', message: 'dial tcp: i/o timeout' } })],
      /i\/o timeout/,
    ],
  ])('waits while it is %s', (_, given, pods: PodObject[], reason) => {
    expect(readState(given, pods)).toMatchObject({
      state: 'waiting',
      reason: expect.stringMatching(reason) as string,
    });
  });

  it('runs from its first container on, until the Job itself is over', () => {
    expect(readState(job(), [pod({ running: { startedAt: began } })])).toEqual({
      state: 'running',
      startedAt: began,
    });
    expect(readState(job(), [endedPod(1)])).toMatchObject({ state: 'running' });
  });

  it('hands on the exit code of its pod', () => {
    expect(readState(job([failed]), [endedPod(65)])).toEqual({
      state: 'exited',
      code: 65,
      outOfMemory: false,
      startedAt: began,
      finishedAt: ended,
    });
  });

  it('tells the image that it ran in', () => {
    const template = { spec: { containers: [{ image: 'trainer@sha256:0' }] } };
    const made = job([{ type: 'Complete' }]);
    const done = readState({ ...made, spec: { ...made.spec, template } }, [endedPod(0)]);
    expect(done).toMatchObject({ code: 0, image: 'trainer@sha256:0' });
  });

  it('says that memory ran out', () => {
    const end = readState(job([failed]), [endedPod(137, 'OOMKilled')]);
    expect(end).toMatchObject({ code: 137, outOfMemory: true });
  });

  it('takes a disruption for a wish to stop, whatever code it left', () => {
    const why = { reason: 'PreemptionByScheduler', message: 'preempted by a more urgent pod' };
    const conditions = [{ type: 'DisruptionTarget', status: 'True', ...why }];
    const preempted = endedPod(137, 'Error', { status: { conditions } });
    expect(readState(job([failed]), [preempted])).toMatchObject({
      code: 143,
      outOfMemory: false,
      reason: 'PreemptionByScheduler: preempted by a more urgent pod',
    });
  });

  it('takes an eviction the same way, also of a pod that left no code', () => {
    const status = { phase: 'Failed', reason: 'Evicted', message: 'The node was low on memory.' };
    expect(readState(job([failed]), [pod({}, { status })])).toMatchObject({
      code: 143,
      reason: 'Evicted: The node was low on memory.',
    });
  });

  it.each([
    ['Container trainer for pod x/y failed with exit code 78 matching FailJob rule at index 1', 78],
    ['Pod x/y has condition DisruptionTarget matching FailJob rule at index 0', 143],
    ['Job was active longer than specified deadline', 137],
  ])("reads the Job's own words where its pods are gone: %s", (message, code) => {
    expect(readState(job([{ ...failed, message }]), [])).toMatchObject({ state: 'exited', code });
  });

  it('blames the replica that failed by itself, not those that were then stopped', () => {
    const told = { deletionTimestamp: ended };
    const stopped = endedPod(143, 'Error', { name: 'a-job-0-abcde', metadata: told });
    const broken = endedPod(1, 'Error', { name: 'a-job-1-abcde', metadata: ofRank(1) });
    expect(readState(job([failed], { completions: 2 }), [stopped, broken])).toMatchObject({
      code: 1,
      reason: 'Replica 1 ended with exit code 1, and so all were ended.',
    });
  });

  it('reads the output of each replica, of its newest pod', () => {
    const born = (rank: number, creationTimestamp: string) => ({
      name: `a-job-${rank}-${creationTimestamp.slice(17, 19)}`,
      metadata: { ...ofRank(rank), creationTimestamp },
    });
    const pods = [
      pod({}, born(1, '2026-11-22T06:00:30Z')),
      pod({}, born(0, '2026-11-22T06:00:01Z')),
      pod({}, born(1, '2026-11-22T06:00:02Z')),
    ];
    const read = [...newestByRank(pods)].map(
      ([
        rank,
        {
          metadata: { name },
        },
      ]) => [rank, name],
    );
    expect(read.toSorted()).toEqual([
      [0, 'a-job-0-01'],
      [1, 'a-job-1-30'],
    ]);
  });

  it('calls a command that cannot be started by the code of shells, in the words of the engine', () => {
    const message = 'exec: "/train": no such file or directory';
    const unstarted = pod({ terminated: { exitCode: 128, reason: 'StartError', message } });
    expect(readState(job([failed]), [unstarted])).toMatchObject({
      code: 127,
      reason: `StartError: ${message}`,
    });
  });

  it('never ends before it began, whatever the clocks of the machines say', () => {
    const state = {
      terminated: { exitCode: 0, reason: 'Completed', startedAt: ended, finishedAt: began },
    };
    const done = readState(job([{ type: 'Complete' }]), [pod(state)]);
    expect(done).toMatchObject({ code: 0, startedAt: ended, finishedAt: ended });
  });
});

describe('A job that was stopped', () => {
  it('says so where it had not begun', () => {
    expect(readStopped(job([], { suspend: true }), [])).toMatchObject({
      code: 143,
      reason: 'Stopped before it began.',
    });
  });

  it('keeps the code that its trainer left', () => {
    expect(readStopped(job(), [endedPod(143)])).toMatchObject({ code: 143 });
    expect(readStopped(job(), [endedPod(0, 'Completed')])).toMatchObject({ code: 0 });
  });

  it('counts as killed where nobody saw it end', () => {
    expect(readStopped(job(), [pod({ running: { startedAt: began } })])).toMatchObject({
      code: 137,
    });
  });
});

describe('An image', () => {
  const waiting = (reason: string, message: string) => [pod({ waiting: { reason, message } })];

  it.each([
    ['ErrImagePull', 'failed to pull and unpack image "x": not found'],
    ['ImagePullBackOff', 'manifest unknown'],
    ['ErrImageNeverPull', 'Container image "x" is not present with pull policy of Never'],
    ['InvalidImageName', "couldn't parse image name"],
  ])('is given up where the cluster says for good that it is not there: %s', (reason, message) => {
    expect(imageProblem(waiting(reason, message))).toBe(message);
  });

  it('is waited for while its registry is away', () => {
    expect(imageProblem(waiting('ErrImagePull', 'dial tcp: i/o timeout'))).toBeUndefined();
    expect(imageProblem(waiting('ContainerCreating', ''))).toBeUndefined();
  });
});
