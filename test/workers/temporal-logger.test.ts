import { expect, test } from 'vitest';
import type { Log } from '../../runtime/log.js';
import { createTemporalLogger } from '../../workers/temporal-logger.js';

test('the SDK’s lines come by our keys, without the token with which anybody could answer for an activity', () => {
  const lines: unknown[] = [];
  const note = (sentence: string, facts?: Record<string, unknown>) => lines.push([sentence, facts]);
  const log: Log = { debug: note, info: note, warn: note, error: note };
  createTemporalLogger(log).warn('Activity failed', {
    workflowId: 'deliver/a',
    workflowRunId: 'r-1',
    activityType: 'ingestData',
    taskToken: 'c2VjcmV0',
  });
  expect(lines).toEqual([
    ['Activity failed', { workflowId: 'deliver/a', runId: 'r-1', activityType: 'ingestData' }],
  ]);
});
