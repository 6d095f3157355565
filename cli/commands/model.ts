import type { Command } from 'commander';
import { PerennialError, type Perennial } from '../../client/index.js';
import { stage as stages } from '../../contracts/delivery.js';
import type { ModelDetail, ModelSummary } from '../../contracts/overview.js';
import { addCommonOptions, connect, type CommonOptions } from '../connection.js';
import { sayApproval, sayFindings, sayJudgement, standingOf } from '../evidence-view.js';
import { examples } from '../examples.js';
import { ago, number, paint, paintVerdict, say, sayJson, sayTable } from '../output.js';
import { wholeNumber } from './delivery.js';

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

/** `lineage`: where a version comes from. */
export function addLineageCommand(program: Command): void {
  addCommonOptions(
    program
      .command('lineage <model> [version]')
      .summary('show where a version comes from')
      .description(
        'Shows where a version comes from (the champion when left out): spec, snapshot, trainer, parameters, evidence, votes.',
      ),
  )
    .addHelpText(
      'after',
      examples('perennial lineage flight-delay', 'perennial lineage flight-delay 2 --json'),
    )
    .action(async (model: string, version: string | undefined, options: CommonOptions) => {
      const perennial = connect(options);
      const wanted =
        version === undefined
          ? await championOf(perennial, model)
          : wholeNumber(version.replace(/^v/, ''));
      const found = await perennial.lineage(model, wanted);
      if (options.json) return sayJson(found);
      const { lineage, artifact } = found.version;
      say(
        `${paint('bold', `${model} v${wanted}`)}, delivery ${found.delivery.number}, made ${found.version.createdAt}`,
      );
      const facts: Record<string, string> = {
        model: artifact.sha256,
        evidence: found.version.evidence,
        spec: lineage.specDigest,
        snapshot: lineage.snapshotDigest,
        'train rows': lineage.trainSha256,
        'hold-out': lineage.holdoutSha256,
        evaluation: lineage.evaluationSha256,
        trainer: lineage.trainer,
        environment: lineage.trainerEnvironment,
        image: lineage.trainerImage ?? 'none: it was trained by a process',
        code: lineage.codeRevision,
        seed: String(lineage.seed),
        parameters: JSON.stringify(lineage.parameters),
        search:
          lineage.trial === undefined
            ? 'none: it was trained once'
            : `trial ${lineage.trial} of ${found.trials.length}: perennial trials ${model} ${found.delivery.number}`,
        data: found.snapshot
          ? `${found.snapshot.manifest.rows} rows of ${found.snapshot.manifest.source.path}, ${found.snapshot.manifest.window.from} to ${found.snapshot.manifest.window.to}`
          : 'not kept',
        prices: found.priceBook
          ? `price book ${found.priceBook.number}, ${found.priceBook.digest}`
          : 'none',
      };
      for (const [name, value] of Object.entries(facts)) say(`${name.padEnd(11)} ${value}`);
      for (const vote of found.approval?.votes ?? [])
        say(`${'vote'.padEnd(11)} ${vote.by}: ${vote.vote} (${vote.reason})`);
    });
}

async function championOf(perennial: Perennial, model: string): Promise<number> {
  const { champion, recentVersions } = await perennial.showModel(model);
  const version = champion ?? recentVersions[0]?.version;
  if (version !== undefined) return version;
  throw new PerennialError('VERSION_NOT_FOUND', `Model '${model}' has no version yet.`);
}
