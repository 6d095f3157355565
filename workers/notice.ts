import type { WaitingEvent } from '../db/outbox.js';

/** What is posted for an event: the envelope of Standard Webhooks, with links into the control API where it is known. */
export function noticeOf(
  { type, subject, payload, createdAt }: Omit<WaitingEvent, 'id' | 'key' | 'attempts'>,
  api: string | undefined,
) {
  const data = { subject, ...payload };
  return {
    type,
    timestamp: createdAt.toISOString(),
    data: api === undefined ? data : { ...data, links: linksOf(payload, api) },
  };
}

/** Where to read on: the model, the delivery with its gates and approval, the evidence with where it comes from. */
function linksOf({ model, delivery, version }: Record<string, unknown>, api: string) {
  if (typeof model !== 'string') return {};
  const home = `${api.replace(/\/$/, '')}/api/v1/models/${encodeURIComponent(model)}`;
  return {
    model: home,
    ...(typeof delivery === 'number' ? { delivery: `${home}/deliveries/${delivery}` } : {}),
    ...(typeof version === 'number' ? { evidence: `${home}/versions/${version}/lineage` } : {}),
  };
}
