/** A delivery as one would write it on the bare SDK: the same activities in the same order, and nothing else. Bundled by stage-overhead. */
import { proxyActivities } from '@temporalio/workflow';
import type { AllActivities } from '../healthy-model.js';

const activities = proxyActivities<AllActivities>({ startToCloseTimeout: '1 minute' });

export async function bareDelivery({ model }: { model: string }): Promise<{ version: number }> {
  const key = { model, delivery: 1 };
  const { specDigest, requestedBy, release } = await activities.openDelivery({
    model,
    requestedBy: 'bench',
    workflowId: `bare/${model}`,
    firstRunId: model,
  });
  const asked = { ...key, specDigest };
  const snapshot = await activities.ingestData(asked);
  const validation = await activities.validateData({ ...asked, snapshot });
  if (validation.channels === null) throw new Error('The data broke its contract');
  const { train, holdout } = validation.channels;
  const attempt = await activities.openTrainingAttempt({ ...asked, attempt: 1 });
  const channels = { train, holdout };
  const outcome = await activities.superviseTraining({ ...attempt, specDigest, channels });
  if (outcome.kind !== 'succeeded') throw new Error('The training failed');
  const trained = { ...outcome, attempt: 1 };
  const evaluated = await activities.evaluateModel({ ...asked, trained, holdout });
  const { version, champion } = await activities.registerVersion({
    ...asked,
    snapshot,
    validation,
    trained,
    evaluated,
    requestedBy,
  });
  const { revision } = await activities.openRelease({
    ...asked,
    ...release,
    version,
    champion,
    requestedBy,
    workflowId: `bare/${model}`,
    runId: model,
  });
  await activities.checkStaging({ ...asked, version });
  const by = requestedBy;
  const reason = 'The first version.';
  await activities.promoteVersion({
    ...key,
    version,
    champion,
    expectedRevision: revision,
    by,
    reason,
  });
  await activities.closeRelease({ ...key, version, outcome: 'promoted', reason });
  await activities.closeDelivery({ ...key, outcome: 'promoted', explanation: reason });
  return { version };
}
