import { createInterface } from 'node:readline/promises';
import type { Command } from 'commander';
import { PerennialError, type Perennial } from '../../client/index.js';
import type { ModelDetail } from '../../contracts/overview.js';
import { addActingOptions, connect, principalOf, type CommonOptions } from '../connection.js';
import { sayApproval, sayJudgement } from '../evidence-view.js';
import { examples } from '../examples.js';
import { UsageError } from '../failure.js';
import { paint, paintVerdict, say, sayJson } from '../output.js';

interface VoteOptions extends CommonOptions {
  evidence?: string;
  reason: string;
  yes?: true;
}

/** `approve`: says yes to exactly what is shown. */
export function addApproveCommand(program: Command): void {
  addVoteCommand(program, 'approve', 'say yes to the evidence that waits for a decision');
}

/** `reject`: says no. */
export function addRejectCommand(program: Command): void {
  addVoteCommand(program, 'reject', 'say no to the evidence that waits for a decision');
}

function addVoteCommand(program: Command, vote: 'approve' | 'reject', summary: string): void {
  addActingOptions(
    program
      .command(`${vote} <model>`)
      .summary(summary)
      .description(
        `Shows what waits for a decision with its numbers, and votes to ${vote} exactly that: the vote carries the digest of the evidence. Without a terminal give --evidence, or --yes to vote on what is shown. A release whose judge asks a person is answered the same way.`,
      ),
  )
    .option('--evidence <digest>', 'vote only if the evidence has this digest')
    .requiredOption('--reason <text>', 'why, kept with the vote')
    .option('--yes', 'vote on what is shown without asking')
    .addHelpText(
      'after',
      examples(
        `perennial ${vote} flight-delay --reason "looked at the slices"`,
        `perennial ${vote} flight-delay --evidence 4f1c… --reason "as discussed"`,
      ),
    )
    .action(async (model: string, options: VoteOptions) => {
      const perennial = connect(options);
      const detail = await perennial.showModel(model);
      if (!detail.approval && detail.release?.status === 'waiting')
        return answerRelease(perennial, vote, detail, options);
      return voteOnApproval(perennial, vote, detail, options);
    });
}

async function voteOnApproval(
  perennial: Perennial,
  vote: 'approve' | 'reject',
  { model, approval }: ModelDetail,
  options: VoteOptions,
): Promise<void> {
  if (!approval)
    throw new PerennialError('APPROVAL_NOT_OPEN', `Nothing of '${model}' waits for a decision.`);
  if (!options.json) {
    const { gates } = await perennial.showDelivery(model, approval.delivery);
    sayApproval(approval, gates);
    say();
  }
  if (options.evidence === undefined) await confirm(vote, `v${approval.version}`, options);
  const answer = await perennial[vote](model, {
    by: principalOf(options),
    reason: options.reason,
    evidence: options.evidence ?? approval.evidence,
  });
  if (options.json) return sayJson(answer);
  say(`${paintVerdict(answer.standing)}: ${answer.reason}`);
}

async function answerRelease(
  perennial: Perennial,
  vote: 'approve' | 'reject',
  { model, release }: ModelDetail,
  options: VoteOptions,
): Promise<void> {
  if (!options.json && release) {
    say(`${paint('bold', `${model} v${release.version}`)} in release asks: ${release.reason}`);
    if (release.lastJudgement) sayJudgement(release.lastJudgement);
    say();
  }
  await confirm(vote, `v${release?.version}`, options);
  const { reason } = options;
  const answer = await perennial.decideRelease(model, { vote, by: principalOf(options), reason });
  if (options.json) return sayJson(answer);
  say(`${paintVerdict(answer.status)}: ${answer.reason}`);
}

/** A person in a terminal is asked; anything else must have said yes beforehand. */
async function confirm(vote: string, what: string, { yes, json }: VoteOptions): Promise<void> {
  if (yes) return;
  if (!process.stdin.isTTY || !process.stdout.isTTY || json)
    throw new UsageError(
      'Without a terminal give --evidence DIGEST, or --yes to vote on what is shown.',
    );
  const asking = createInterface({ input: process.stdin, output: process.stdout });
  const answer = await asking.question(`${vote} ${what}? [y/N] `);
  asking.close();
  if (!/^y(es)?$/i.test(answer.trim())) throw new UsageError('Nothing was voted.');
}
