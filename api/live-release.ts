import { queries, workflowId } from '../contracts/messages.js';
import type { ReleaseView } from '../contracts/release.js';
import type { ReleaseState } from '../contracts/states.js';
import type { Engine } from './workflow-calls.js';

/** Milliseconds that a page waits for the workflow's own word. */
const patience = 2_000;

/**
 * A release under way as its workflow sees it, which is ahead of the record by a moment. Where no worker answers, the record is told as
 * it stands.
 */
export async function withLiveState(
  { client }: Engine,
  release: ReleaseView,
): Promise<ReleaseView> {
  if (release.endedAt !== null) return release;
  try {
    const handle = client.workflow.getHandle(workflowId.release(release.model));
    const state = await client.withDeadline(Date.now() + patience, () =>
      handle.query<ReleaseState>(queries.state),
    );
    if (state.version !== release.version) return release;
    const reason = state.question ?? (state.reason || release.reason);
    return { ...release, status: state.status, step: state.step, reason };
  } catch {
    return release;
  }
}
