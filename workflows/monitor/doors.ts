import { patched, workflowInfo } from '@temporalio/workflow';
import type {
  Breach,
  DeliveryEnded,
  MonitorAct,
  MonitorCommand,
  MonitorConfiguration,
} from '../../contracts/monitor.js';
import type { MonitorAnswer, MonitorState } from '../../contracts/states.js';
import { createDoors } from '../doors.js';
import { breachForm, commandForm, configurationForm, deliveryEndedForm } from '../message-form.js';

/** The flags that messages set and the loop reads. */
export interface Monitor {
  state: MonitorState;
  retired: boolean;
  /** The interval or the pause has changed: whoever waits looks again. */
  changed: boolean;
  /** What people did and nobody has recorded yet. */
  acts: MonitorAct[];
}

/** Who did what came without a name. */
const nobody = 'unnamed';

/** Opens the doors of a monitor: handlers set flags, and the loop sees them together. */
export function openMonitorDoors(
  monitor: Monitor,
  change: (update: Partial<MonitorState>) => void,
): void {
  const doors = createDoors(() => change({ refusedMessages: monitor.state.refusedMessages + 1 }));
  let acts = 0;
  /** Has an act recorded that changes something. Before this guard none was. */
  const note = (
    { act, every }: Pick<MonitorAct, 'act' | 'every'>,
    { by = nobody, reason = '' }: Partial<MonitorCommand>,
  ) => {
    if (!patched('record-monitor-acts')) return;
    acts += 1;
    const { runId } = workflowInfo();
    const noted = { model: monitor.state.model, runId, number: acts, act, by, reason };
    monitor.acts.push(every === undefined ? noted : { ...noted, every });
  };
  const answer = (): Promise<MonitorAnswer> => Promise.resolve({ status: monitor.state.status });

  doors.open<Breach, MonitorAnswer>({
    name: 'breach',
    description: 'Look now: somebody saw something.',
    form: breachForm,
    take() {
      change({ breached: true });
      return answer();
    },
  });
  doors.open<DeliveryEnded, MonitorAnswer>({
    name: 'deliveryEnded',
    description: 'A delivery of this model has ended.',
    form: deliveryEndedForm,
    take() {
      change({ deliveryEnded: true });
      return answer();
    },
  });
  doors.open<MonitorConfiguration, MonitorAnswer>({
    name: 'configure',
    description:
      'Check at another interval than the spec says, in milliseconds; null goes back to the spec.',
    form: configurationForm,
    take({ every, ...command }) {
      if (every !== monitor.state.everyOverride) note({ act: 'configure', every }, command);
      monitor.changed = true;
      change({ everyOverride: every });
      return answer();
    },
  });
  doors.open<MonitorCommand, MonitorAnswer>({
    name: 'pause',
    description: 'Make no checks until resumed.',
    form: commandForm,
    take(command) {
      if (!monitor.state.paused) note({ act: 'pause' }, command);
      change({ paused: true, status: 'paused' });
      return answer();
    },
  });
  doors.open<MonitorCommand, MonitorAnswer>({
    name: 'resume',
    description: 'Check again after a pause.',
    form: commandForm,
    take(command) {
      if (monitor.state.paused) note({ act: 'resume' }, command);
      change({ paused: false, status: 'waiting' });
      return answer();
    },
  });
  doors.open<MonitorCommand, MonitorAnswer>({
    name: 'retire',
    description: 'End the monitor for good.',
    form: commandForm,
    take(command) {
      if (!monitor.retired) note({ act: 'retire' }, command);
      monitor.retired = true;
      change({ status: 'retired' });
      return answer();
    },
  });
}
