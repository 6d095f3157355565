import { workflowId } from '../../contracts/messages.js';
import type { ReleaseState } from '../../contracts/states.js';
import { releaseActs, releaseCan, type ReleaseAct } from '../../contracts/release-state.js';
import { offer, perennialLine, signalLine, updateLine } from '../command-lines.js';

/** The release in Markdown for the Temporal UI, with the commands that are possible now. */
export function renderRelease(state: ReleaseState, namespace: string): string {
  const { model, version, champion, status, share, step, steps, lastJudgement } = state;
  const possible = releaseActs.filter((act) => releaseCan(act, status).ok);
  return [
    `## Release of ${model} v${version}`,
    `**${status}**, step ${step} of ${steps}, ${(share * 100).toFixed(1)} % of the traffic; ${
      champion === null ? 'there is no champion yet' : `the champion is v${champion}`
    }.`,
    ...awaited(state),
    ...(lastJudgement
      ? [`\nLast look (${lastJudgement.look}): ${lastJudgement.verdict}. ${lastJudgement.reason}`]
      : []),
    ...(possible.length === 0
      ? []
      : ['', '### What a person can do', 'YOU is your id, WHY your reason.']),
    ...possible.flatMap((act) => linesFor(act, model, namespace)),
    '',
    '### What happened',
    ...state.story.map((line) => `- ${line}`),
    ...(state.refusedMessages > 0
      ? [`\n${state.refusedMessages} signals made no sense here and changed nothing.`]
      : []),
  ].join('\n');
}

function awaited({ status, question, judgedUntil }: ReleaseState): string[] {
  if (question !== null)
    return [
      '### A decision is awaited',
      question,
      '',
      '- from: role **releaser** (any principal)',
      '- until: somebody decides; the traffic stays as it is',
    ];
  if (status === 'canary' && judgedUntil)
    return [
      '### The judge is awaited',
      '- from: the judge, by the counts; a person may go before it',
      `- until: ${judgedUntil}, when it asks a person`,
    ];
  if (status === 'paused')
    return [
      '### A person is awaited',
      '- from: role **releaser** (any principal)',
      '- until: somebody resumes, promotes or aborts; the traffic stays as it is',
    ];
  return [];
}

function linesFor(act: ReleaseAct, model: string, namespace: string): string[] {
  const door = { namespace, workflowId: workflowId.release(model), name: act };
  const words = { by: 'YOU', reason: 'WHY' };
  const options = "--as YOU --reason 'WHY'";
  if (act !== 'decide')
    return offer(act, [perennialLine(act, model, options), updateLine(door, words)]);
  return (['approve', 'reject'] as const).flatMap((vote) =>
    offer(`${vote} the version`, [
      perennialLine(vote, model, options),
      updateLine(door, { vote, ...words }),
      signalLine(door, { vote, ...words }),
    ]),
  );
}
