import { z } from 'zod';
import {
  auditVerification,
  auditView,
  type AuditVerification,
  type AuditView,
} from '../contracts/overview.js';
import type { Http } from './http.js';

/** Which entries of the audit chain are wanted. */
export interface AuditFilter {
  subject?: string;
  model?: string;
  /** Number of one delivery of the model. */
  delivery?: number;
  /** Who did it. */
  actor?: string;
  /** ISO 8601 instant of the oldest. */
  from?: string;
}

const page = z.strictObject({ entries: z.array(auditView) });
/** As many as the API hands out at once. */
const wholePage = 1_000;

/** The audit chain: what was done by whom. */
export function createAuditClient(http: Http) {
  /** One page of entries after a sequence number, in the order of the chain. */
  const audit = async (
    query: AuditFilter & { after?: number; limit?: number } = {},
  ): Promise<AuditView[]> =>
    (await http.get('/api/v1/audit', page, { query: { ...query } })).entries;
  return {
    audit,
    /** All entries, page by page. */
    async *auditTrail(filter: AuditFilter = {}): AsyncGenerator<AuditView> {
      for (let after = 0; ;) {
        const entries = await audit({ ...filter, after, limit: wholePage });
        yield* entries;
        if (entries.length < wholePage) return;
        after = entries.at(-1)?.sequence ?? after;
      }
    },
    /** Recomputes the whole chain. */
    verifyAudit: (): Promise<AuditVerification> =>
      http.get('/api/v1/audit/verification', auditVerification),
  };
}
