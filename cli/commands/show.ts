import type { Command } from 'commander';
import type { Perennial } from '../../client/index.js';
import { stage as stages } from '../../contracts/delivery.js';
import type { ModelDetail } from '../../contracts/overview.js';
import { addCommonOptions, connect, type CommonOptions } from '../connection.js';
import { sayApproval, sayFindings, sayJudgement, standingOf } from '../evidence-view.js';
import { examples } from '../examples.js';
import { ago, number, paint, paintVerdict, say, sayJson, sayTable } from '../output.js';
import { wholeNumber } from '../values.js';

/** `show`: one model or one delivery. */
export function addShowCommand(program: Command): void {
  addCommonOptions(
    program
      .command('show <model>')
      .summary('show a model: traffic, versions, deliveries, what it waits for')
      .description(
        'Shows a model with its traffic, versions and deliveries; with --delivery, one delivery with all its gates.',
      ),
  )
    .option('--delivery <number>', 'one delivery in full', wholeNumber)
    .addHelpText(
      'after',
      examples('perennial show flight-delay', 'perennial show flight-delay --delivery 3'),
    )
    .action(async (model: string, options: CommonOptions & { delivery?: number }) => {
      const perennial = connect(options);
      if (options.delivery !== undefined)
        return showDelivery(perennial, model, options.delivery, options);
      const detail = await perennial.showModel(model);
      if (options.json) return sayJson(detail);
      await sayModel(perennial, detail);
    });
}

async function showDelivery(
  perennial: Perennial,
  model: string,
  delivery: number,
  { json }: CommonOptions,
): Promise<void> {
  const detail = await perennial.showDelivery(model, delivery);
  if (json) return sayJson(detail);
  const { trigger, requestedBy, stage, outcome } = detail.delivery;
  say(`${paint('bold', model)} delivery ${delivery}, ${trigger}, asked for by ${requestedBy}`);
  say(`${paintVerdict(outcome ?? stage)} ${standingOf(detail)}`);
  for (const stage of stages.options) {
    const seconds = detail.delivery.seconds[stage];
    if (seconds !== undefined) say(`  ${stage.padEnd(9)} ${number(seconds)} s`);
  }
  say();
  sayFindings(detail.checks, 'No checks of the data yet.');
  say();
  sayFindings(detail.gates, 'No gates judged yet.');
  if (detail.release?.lastJudgement) {
    say();
    sayJudgement(detail.release.lastJudgement);
  }
}

async function sayModel(perennial: Perennial, detail: ModelDetail): Promise<void> {
  const { model, team, owner, description, approval, release, lastReport } = detail;
  say(
    `${paint('bold', model)}, team ${team}, owner ${owner}${detail.retiredAt ? ', retired' : ''}`,
  );
  if (description) say(description);
  const arms = detail.route?.arms.map(
    (arm) => `${arm.role} v${arm.version} ${number(arm.share * 100)} %`,
  );
  const silence = detail.offAirAt ? 'it was taken off the air' : 'no version has been promoted';
  say(`traffic   ${arms?.join(', ') ?? `none: ${silence}`}`);
  if (release && release.endedAt === null)
    say(`release   v${release.version} ${release.status}, step ${release.step}. ${release.reason}`);
  if (lastReport)
    say(
      `monitor   check ${lastReport.check}: ${paintVerdict(lastReport.verdict)}. ${lastReport.decision.reason}`,
    );
  say();
  sayTable(
    ['version', 'delivery', 'made', 'roc_auc', 'log_loss', 'aliases'],
    detail.recentVersions.map((each) => [
      `v${each.version}`,
      each.delivery,
      ago(each.createdAt),
      number(each.metrics.roc_auc),
      number(each.metrics.log_loss),
      each.aliases.join(', '),
    ]),
    'No versions yet.',
  );
  say();
  sayTable(
    ['delivery', 'trigger', 'by', 'opened', 'state', 'because'],
    detail.recentDeliveries.map((each) => [
      each.number,
      each.trigger,
      each.requestedBy,
      ago(each.openedAt),
      each.outcome ?? each.stage,
      each.explanation || each.reason,
    ]),
    `No deliveries yet. Start one with \`perennial deliver ${model}\`.`,
  );
  if (approval) {
    say();
    sayApproval(approval, (await perennial.showDelivery(model, approval.delivery)).gates);
  }
}
