import { z } from 'zod';
import { driftReport, type DriftReport } from '../contracts/drift.js';
import {
  appliedSpec,
  lineage,
  modelDetail,
  modelSummary,
  retired,
  status,
  type AppliedSpec,
  type ApplySpec,
  type Lineage,
  type ModelDetail,
  type ModelSummary,
  type Retired,
  type RetireRequest,
  type Status,
} from '../contracts/overview.js';
import type { Http } from './http.js';
import { readSpecFile } from './spec-file.js';

/** Models: apply a spec, look at what there is, retire. */
export function createModelClient(http: Http) {
  const apply = (request: ApplySpec): Promise<AppliedSpec> =>
    http.post('/api/v1/specs', appliedSpec, { body: request });
  return {
    apply,
    /** Reads `model.yaml` with its contract and applies it. */
    async applyFile(path: string, { by }: { by: string }): Promise<AppliedSpec> {
      return apply({ ...(await readSpecFile(path)), by });
    },
    async listModels(): Promise<ModelSummary[]> {
      const answer = z.strictObject({ models: z.array(modelSummary) });
      return (await http.get('/api/v1/models', answer)).models;
    },
    showModel: (model: string): Promise<ModelDetail> =>
      http.get(`/api/v1/models/${encodeURIComponent(model)}`, modelDetail),
    lineage: (model: string, version: number): Promise<Lineage> =>
      http.get(`/api/v1/models/${encodeURIComponent(model)}/versions/${version}/lineage`, lineage),
    /** What the monitor found, the newest first. */
    drift: (
      model: string,
      { limit }: { limit?: number } = {},
    ): Promise<{ reports: DriftReport[]; retrainings: number }> =>
      http.get(
        `/api/v1/models/${encodeURIComponent(model)}/drift`,
        z.strictObject({ reports: z.array(driftReport), retrainings: z.int() }),
        { query: { limit } },
      ),
    retire: (model: string, request: RetireRequest): Promise<Retired> =>
      http.post(`/api/v1/models/${encodeURIComponent(model)}/retire`, retired, { body: request }),
    status: (): Promise<Status> => http.get('/api/v1/status', status),
  };
}
