import { workflowId } from '../../contracts/messages.js';
import type { MonitorState } from '../../contracts/states.js';
import { offer, perennialLine, signalLine, updateLine } from '../command-lines.js';

/** The monitor in Markdown for the Temporal UI. */
export function renderMonitor(state: MonitorState, namespace: string): string {
  const { model, status, checks, retrainings, lastReport, armed } = state;
  return [
    `## Monitor of ${model}`,
    `**${status}**. Checks: ${checks}. Retrainings: ${retrainings}.`,
    ...awaited(state),
    ...(armed ? ['', 'A retraining is due and waits for the running delivery to end.'] : []),
    ...(lastReport
      ? [
          `\nLast check (${lastReport.check}): ${lastReport.verdict}, severity ${lastReport.severity}, score ${lastReport.score.toFixed(4)}, ${lastReport.rows} rows. ${lastReport.reason}`,
        ]
      : []),
    ...(status === 'retired' ? [] : commands(state, namespace)),
    ...(state.refusedMessages > 0
      ? [`\n${state.refusedMessages} signals made no sense here and changed nothing.`]
      : []),
  ].join('\n');
}

function awaited({ status, nextCheckAt }: MonitorState): string[] {
  if (status === 'paused')
    return [
      '### A person is awaited',
      '- from: any principal',
      '- until: somebody resumes or retires it; nothing is checked meanwhile',
    ];
  if (nextCheckAt === null) return [];
  return [
    '### The next check is awaited',
    '- from: its timer; a reported breach goes before it',
    `- until: ${nextCheckAt}`,
  ];
}

function commands({ model, status }: MonitorState, namespace: string): string[] {
  const door = (name: string) => ({ namespace, workflowId: workflowId.monitor(model), name });
  const words = { by: 'YOU', reason: 'WHY' };
  const toggle = status === 'paused' ? 'resume' : 'pause';
  return [
    '',
    '### What a person can do',
    'YOU is your id, WHY your reason.',
    ...offer('have it look now', [signalLine(door('breach'), { reason: 'WHY' })]),
    ...offer(toggle, [updateLine(door(toggle), words), signalLine(door(toggle), words)]),
    ...offer('retire the model', [perennialLine('retire', model, "--as YOU --reason 'WHY'")]),
  ];
}
