import type { Command } from 'commander';
import type { Perennial } from '../../client/index.js';
import type { ModelSummary } from '../../contracts/overview.js';
import { addCommonOptions, connect, type CommonOptions } from '../connection.js';
import { examples } from '../examples.js';
import { ago, sayJson, sayTable } from '../output.js';

/** `list`: all models, or all that waits. */
export function addListCommand(program: Command): void {
  addCommonOptions(
    program
      .command('list')
      .summary('list models, or what waits for a decision')
      .description(
        'Lists the models there are; with --awaiting, everything that waits for a vote.',
      ),
  )
    .option('--awaiting', 'only what waits for a decision')
    .addHelpText('after', examples('perennial list', 'perennial list --awaiting --json'))
    .action(async (options: CommonOptions & { awaiting?: true }) => {
      const perennial = connect(options);
      if (options.awaiting) return listAwaiting(perennial, options);
      const models = await perennial.listModels();
      if (options.json) return sayJson({ models });
      sayTable(
        ['model', 'team', 'champion', 'versions', 'last delivery', 'state'],
        models.map((each) => [
          each.model,
          each.team,
          each.champion === null ? null : `v${each.champion}`,
          each.versions,
          each.delivery ? `${each.delivery.number}, ${ago(each.delivery.openedAt)}` : null,
          stateOf(each),
        ]),
        'No models yet. Write one with `perennial init`, then `perennial apply model.yaml`.',
      );
    });
}

async function listAwaiting(perennial: Perennial, { json }: CommonOptions): Promise<void> {
  const approvals = await perennial.listApprovals();
  if (json) return sayJson({ approvals });
  sayTable(
    ['model', 'version', 'delivery', 'open', 'approvers', 'evidence'],
    approvals.map((each) => [
      each.model,
      `v${each.version}`,
      each.delivery,
      ago(each.openedAt),
      each.approvers.join(', ') || 'any',
      each.evidence,
    ]),
    'Nothing waits for a decision.',
  );
}

function stateOf({ delivery, awaitingApproval, retiredAt, offAirAt }: ModelSummary): string {
  if (offAirAt) return 'retired, off the air';
  if (retiredAt) return 'retired';
  if (awaitingApproval) return 'waits for approval';
  if (!delivery) return 'never delivered';
  return delivery.outcome ?? `in ${delivery.stage}`;
}
