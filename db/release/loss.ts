import { sql, type SQL } from 'drizzle-orm';
import { scoreClip } from '../../contracts/window-counts.js';

/** Log-loss of one answer in SQL, as drift/log-loss has it; null without a label or without a score. */
export function lossOf(label: SQL, score: SQL): SQL {
  const clipped = sql`least(1 - ${scoreClip}::float8, greatest(${scoreClip}::float8, ${score}))`;
  return sql`CASE ${label} WHEN 1 THEN -ln(${clipped}) WHEN 0 THEN -ln(1 - ${clipped}) END`;
}
