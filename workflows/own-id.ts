import { workflowInfo } from '@temporalio/workflow';
import type { DeliverModelInput } from '../contracts/delivery.js';
import { workflowId } from '../contracts/messages.js';
import type { ReleaseModelInput } from '../contracts/stages.js';
import type { MonitorInput } from '../contracts/monitor.js';
import { refusal } from './message-form.js';

/**
 * That one delivery, release and monitor of a model runs at a time rests on their ids: whoever starts one by another id is refused at
 * once. Inputs may come from anybody, so that nothing of them is believed here.
 */
export function requireDeliveryId(input: DeliverModelInput): void {
  const found = workflowInfo().workflowId;
  const model: unknown = (input as Partial<DeliverModelInput> | undefined)?.model;
  if (typeof model !== 'string')
    throw refusal(
      'INPUT_INVALID',
      'deliverModel takes one object with at least { model, requestedBy }.',
    );
  if (found !== workflowId.deliver(model))
    throw refusal(
      'DELIVERY_ID_INVALID',
      `A delivery of ${model} was started as '${found}'; its id is '${workflowId.deliver(model)}'.`,
    );
}

export function requireReleaseId({ model }: ReleaseModelInput): void {
  const found = workflowInfo().workflowId;
  if (found !== workflowId.release(model))
    throw refusal(
      'INPUT_INVALID',
      `A release of ${model} was started as '${found}'; its id is '${workflowId.release(model)}'.`,
    );
}

export function requireMonitorId(input: MonitorInput): void {
  const found = workflowInfo().workflowId;
  const model: unknown = (input as Partial<MonitorInput> | undefined)?.model;
  if (typeof model !== 'string' || found !== workflowId.monitor(model))
    throw refusal(
      'INPUT_INVALID',
      `A monitor takes { model } and is started as 'monitor/<model>'; this one is '${found}'.`,
    );
}
