/** The TypeScript SDK of Perennial: `createPerennial({ url })`. */
import { createApprovalClient } from './approval.js';
import { createAuditClient } from './audit.js';
import { createDeliveryClient } from './delivery.js';
import { createHttp, type HttpOptions } from './http.js';
import { createModelClient } from './model.js';
import { createMoneyClient } from './money.js';
import { createMonitorClient } from './monitor.js';
import { createReleaseClient } from './release.js';
import { createTrainingClient } from './training.js';

export {
  createGateway,
  type FeatureRow,
  type InferOptions,
  type ModelMetadata,
  type Prediction,
} from './gateway.js';
export { parseContract, parseSpec, readSpecFile, type SpecFile } from './spec-file.js';
export { type WatchOptions } from './delivery.js';
export { type FollowOptions, type LogLine, type LogQuery } from './training.js';
export { type Vote } from './approval.js';
export { type AuditFilter } from './audit.js';
export { PerennialError } from '../contracts/errors.js';

/** A client of the control API. Errors are PerennialError with the server's code; nobody listening is SERVER_UNREACHABLE. */
export function createPerennial(options: HttpOptions) {
  const http = createHttp(options);
  return {
    url: http.url,
    ...createModelClient(http),
    ...createDeliveryClient(http),
    ...createTrainingClient(http),
    ...createApprovalClient(http),
    ...createReleaseClient(http),
    ...createMonitorClient(http),
    ...createMoneyClient(http),
    ...createAuditClient(http),
  };
}
export type Perennial = ReturnType<typeof createPerennial>;
