import { condition, upsertSearchAttributes } from '@temporalio/workflow';
import type { DeliveryKey, DeliveryPlan } from '../../contracts/stages.js';
import type { DeliveryState } from '../../contracts/states.js';
import { historyIsLong, type Board } from '../board.js';
import { approvalDeadlines } from './state.js';
import { pipeline } from '../offers.js';
import { attributes } from '../search-attributes.js';

/**
 * Waits for people, for as long as the spec says, holding nothing but a timer: reminds, escalates, expires.
 * Answers `open` when the history has grown long and the wait shall go on in a new run.
 */
export async function awaitApproval({
  board,
  policy,
  key,
  mayContinue,
}: {
  board: Board<DeliveryState>;
  policy: DeliveryPlan['approval'];
  key: DeliveryKey;
  mayContinue: () => boolean;
}): Promise<'approved' | 'rejected' | 'expired' | 'open'> {
  const approval = () => {
    if (board.state.approval === null) throw new Error('There is no approval to wait for');
    return board.state.approval;
  };
  const decided = () => approval().standing !== 'open';
  const renewable = () => historyIsLong() && mayContinue();
  if (decided()) return approval().standing;

  upsertSearchAttributes([
    { key: attributes.stage, value: 'approve' },
    { key: attributes.version, value: String(approval().version) },
    { key: attributes.awaitingApproval, value: true },
    { key: attributes.awaitingRole, value: 'approver' },
  ]);
  const startedAt = Date.now();
  const openedAt = Date.parse(approval().openedAt);
  for (const { kind, at } of approvalDeadlines(policy, openedAt)) {
    const toldByAnEarlierRun = kind !== 'expired' && at < startedAt && openedAt < startedAt;
    if (toldByAnEarlierRun) continue;
    const summary = `${kind} of version ${approval().version}`;
    await condition(() => decided() || renewable(), Math.max(0, at - Date.now()), { summary });
    if (decided()) return approval().standing;
    if (renewable()) return 'open';

    const to = kind === 'escalation' ? policy.escalateTo : policy.approvers;
    const { standing } = await pipeline.remindApprovers.executeWithOptions({ summary }, [
      { ...key, kind, to },
    ]);
    // A vote may have been admitted meanwhile: the database is ahead of us.
    if (decided()) return approval().standing;
    if (standing !== 'open' && standing !== 'withdrawn')
      board.change(
        { approval: { ...approval(), standing } },
        standing === 'expired' ? `No decision came until ${approval().expiresAt}` : undefined,
      );
    else board.change({}, `${kind} sent to ${to.length > 0 ? to.join(', ') : 'all approvers'}`);
    if (decided()) return approval().standing;
  }
  return 'expired';
}
