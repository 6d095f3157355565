import type { MonitorState } from '../contracts/states.js';

/** The monitor in Markdown for the Temporal UI. */
export function renderMonitor(state: MonitorState): string {
  const { model, status, checks, retrainings, nextCheckAt, lastReport, armed } = state;
  return [
    `## Monitor of ${model}`,
    `**${status}**. ${checks} checks, ${retrainings} retrainings${
      nextCheckAt === null ? '' : `; the next check is at ${nextCheckAt}`
    }.`,
    ...(armed ? ['A retraining is due and waits for the running delivery to end.'] : []),
    ...(lastReport
      ? [
          `Last check (${lastReport.check}): ${lastReport.verdict}, severity ${lastReport.severity}, score ${lastReport.score.toFixed(4)}, ${lastReport.rows} rows. ${lastReport.reason}`,
        ]
      : []),
    '### What a person can do',
    '```',
    `temporal workflow signal --workflow-id monitor/${model} --name breach --input '{"reason":"WHY"}'`,
    `temporal workflow signal --workflow-id monitor/${model} --name ${status === 'paused' ? 'resume' : 'pause'} --input '{"by":"YOU","reason":"WHY"}'`,
    `perennial retire ${model}`,
    '```',
    ...(state.refusedMessages > 0
      ? [`\n${state.refusedMessages} signals made no sense here and changed nothing.`]
      : []),
  ].join('\n');
}
