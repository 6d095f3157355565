import { executeChild, patched, sleep } from '@temporalio/workflow';
import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import { workflowId } from '../../contracts/messages.js';
import type { ReleaseModelInput, ReleaseResult } from '../../contracts/stages.js';
import type { DeliveryState } from '../../contracts/states.js';
import type { Board } from '../board.js';
import type { releaseModel } from './release-model.js';
import { attributes } from '../search-attributes.js';

/** Milliseconds between two tries. A rollback takes seconds, the first look after one may as well. */
const shortestWait = 2_000;
const longestWait = 60_000;

/**
 * Releases a version in a workflow of its own. One release of a model runs at a time: where another one does, a rollback by hand say,
 * its end is waited for. Whether the version may still follow the champion there is then, the release itself finds out.
 */
export async function releaseVersion(
  input: ReleaseModelInput,
  board: Board<DeliveryState>,
): Promise<ReleaseResult> {
  const { model, version } = input;
  for (let wait = shortestWait; ; wait = Math.min(wait * 2, longestWait)) {
    try {
      return await executeChild<typeof releaseModel>('releaseModel', {
        workflowId: workflowId.release(model),
        workflowIdReusePolicy: 'ALLOW_DUPLICATE',
        parentClosePolicy: 'REQUEST_CANCEL',
        staticSummary: `Release ${model} v${version}`,
        typedSearchAttributes: [
          { key: attributes.model, value: model },
          { key: attributes.version, value: String(version) },
          { key: attributes.stage, value: 'staging' },
        ],
        args: [input],
      });
    } catch (error) {
      const busy = error instanceof WorkflowExecutionAlreadyStartedError;
      // Before this guard a delivery failed here.
      if (!busy || !patched('wait-for-release')) throw error;
      if (wait === shortestWait)
        board.change(
          {},
          `Another release of ${model} is under way; v${version} waits for its end.`,
        );
      await sleep(wait, { summary: `Another release of ${model} is under way` });
    }
  }
}
