import type { ReleaseState } from '../contracts/states.js';
import { releaseActs, releaseCan } from '../contracts/release-state.js';

/** The release in Markdown for the Temporal UI, with the commands that are possible now. */
export function renderRelease(state: ReleaseState): string {
  const { model, version, champion, status, share, step, steps, lastJudgement } = state;
  const possible = releaseActs.filter((act) => releaseCan(act, status).ok);
  return [
    `## Release of ${model} v${version}`,
    `**${status}**, step ${step} of ${steps}, ${(share * 100).toFixed(1)} % of the traffic; ${
      champion === null ? 'there is no champion yet' : `the champion is v${champion}`
    }.`,
    ...(lastJudgement
      ? [`Last look (${lastJudgement.look}): ${lastJudgement.verdict}. ${lastJudgement.reason}`]
      : []),
    ...(state.question === null ? [] : ['### A decision is awaited', state.question]),
    ...(possible.length === 0 ? [] : ['### What a person can do', '```']),
    ...possible.flatMap((act) => commandsFor(act, model)),
    ...(possible.length === 0 ? [] : ['```']),
    '### What happened',
    ...state.story.map((line) => `- ${line}`),
    ...(state.refusedMessages > 0
      ? [`\n${state.refusedMessages} signals made no sense here and changed nothing.`]
      : []),
  ].join('\n');
}

function commandsFor(act: (typeof releaseActs)[number], model: string): string[] {
  const words = { by: 'YOU', reason: 'WHY' };
  if (act !== 'decide')
    return [
      `perennial ${act} ${model} --reason WHY`,
      `temporal workflow update execute --workflow-id release/${model} --name ${act} --input '${JSON.stringify(words)}'`,
    ];
  const input = JSON.stringify({ vote: 'approve', ...words });
  return [
    `perennial approve ${model} --reason WHY`,
    `perennial reject ${model} --reason WHY`,
    `temporal workflow signal --workflow-id release/${model} --name decide --input '${input}'`,
  ];
}
