import type { Command } from 'commander';
import { PerennialError, type Perennial } from '../../client/index.js';
import { addCommonOptions, connect, type CommonOptions } from '../connection.js';
import { examples } from '../examples.js';
import { paint, say, sayJson } from '../output.js';
import { wholeNumber } from '../values.js';

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
