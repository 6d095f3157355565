import type { MonitorAct } from '../contracts/monitor.js';
import { appendAudit } from '../db/audit.js';
import type { Database } from '../db/connect.js';
import { monitorAct } from '../db/schema/monitor-act.js';
import type { MonitorActivities } from './index.js';

const actions = {
  pause: 'monitor.paused',
  resume: 'monitor.resumed',
  configure: 'monitor.configured',
  retire: 'monitor.retired',
} as const satisfies Record<MonitorAct['act'], string>;

/** Keeps what people do to monitors. */
export function createMonitorActs({ db }: { db: Database }): MonitorActivities {
  /** Records who paused, resumed, configured or retired a monitor, and why. A second run finds the act by its run and number. */
  async function recordMonitorAct({ every, ...act }: MonitorAct): Promise<void> {
    await db.transaction(async (tx) => {
      const recorded = await tx
        .insert(monitorAct)
        .values(act)
        .onConflictDoNothing()
        .returning({ number: monitorAct.number });
      if (recorded.length === 0) return;
      const { model, by, reason } = act;
      await appendAudit(tx, {
        actor: by,
        action: actions[act.act],
        subject: model,
        detail: { reason, ...(every === undefined ? {} : { every }) },
      });
    });
  }

  return { recordMonitorAct };
}
