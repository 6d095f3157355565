import type {
  Breach,
  DeliveryEnded,
  MonitorCommand,
  MonitorConfiguration,
} from '../contracts/monitor.js';
import type { MonitorAnswer, MonitorState } from '../contracts/states.js';
import { createDoors } from './doors.js';
import { breachForm, commandForm, configurationForm, deliveryEndedForm } from './message-form.js';

/** The flags that messages set and the loop reads. */
export interface Monitor {
  state: MonitorState;
  retired: boolean;
  changed: boolean;
}

/** Opens the doors of a monitor: handlers set flags, and the loop sees them together. */
export function openMonitorDoors(
  monitor: Monitor,
  change: (update: Partial<MonitorState>) => void,
): void {
  const doors = createDoors(() => change({ refusedMessages: monitor.state.refusedMessages + 1 }));
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
    take({ every }) {
      monitor.changed = true;
      change({ everyOverride: every });
      return answer();
    },
  });
  doors.open<MonitorCommand, MonitorAnswer>({
    name: 'pause',
    description: 'Make no checks until resumed.',
    form: commandForm,
    take() {
      change({ paused: true, status: 'paused' });
      return answer();
    },
  });
  doors.open<MonitorCommand, MonitorAnswer>({
    name: 'resume',
    description: 'Check again after a pause.',
    form: commandForm,
    take() {
      change({ paused: false, status: 'waiting' });
      return answer();
    },
  });
  doors.open<MonitorCommand, MonitorAnswer>({
    name: 'retire',
    description: 'End the monitor for good.',
    form: commandForm,
    take() {
      monitor.retired = true;
      change({ status: 'retired' });
      return answer();
    },
  });
}
