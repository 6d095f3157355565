import type { Command } from 'commander';
import type { AuditFilter } from '../../client/index.js';
import type { AuditView } from '../../contracts/overview.js';
import { addCommonOptions, connect, type CommonOptions } from '../connection.js';
import { examples } from '../examples.js';
import { exitCodes, UsageError } from '../failure.js';
import { paint, say, sayJson } from '../output.js';
import { instantOf, wholeNumber } from '../values.js';

interface AuditOptions extends CommonOptions {
  delivery?: number;
  by?: string;
  since?: string;
  verify?: true;
}

/** `audit`: who did what, and whether the chain holds. */
export function addAuditCommand(program: Command): void {
  addCommonOptions(
    program
      .command('audit [model]')
      .summary('show who did what, when')
      .description(
        'Shows the audit chain, the oldest entry first: all of it, or what concerns one model, one of its deliveries, one principal. With --verify it recomputes the chain instead.',
      ),
  )
    .option('--delivery <number>', 'one delivery of the model', wholeNumber)
    .option('--by <principal>', 'what this one did')
    .option(
      '--since <when>',
      'from an instant on (ISO 8601), or from so long ago: 90s, 15m, 7d',
      instantOf,
    )
    .option('--verify', 'recompute the whole chain; exits with 1 where it does not fit')
    .addHelpText(
      'after',
      examples(
        'perennial audit flight-delay --since 7d',
        'perennial audit flight-delay --delivery 3',
        'perennial audit --by ada --json',
        'perennial audit --verify',
      ),
    )
    .action(async (model: string | undefined, options: AuditOptions) => {
      const { verify, json } = options;
      const filter = filterOf(model, options);
      if (verify && Object.keys(filter).length > 0)
        throw new UsageError(
          '--verify recomputes the whole chain: it takes no model and no filter.',
        );
      const perennial = connect(options);
      if (verify) {
        const answer = await perennial.verifyAudit();
        if (!answer.ok) process.exitCode = exitCodes.failed;
        if (json) return sayJson(answer);
        return say(answer.ok ? 'The chain holds.' : `Entry ${answer.firstBroken} does not fit.`);
      }
      let told = 0;
      const entries: AuditView[] = [];
      for await (const entry of perennial.auditTrail(filter)) {
        if (json) entries.push(entry);
        else say(lineOf(entry));
        told += 1;
      }
      if (json) return sayJson({ entries });
      if (told === 0) say('Nothing of that kind was done.');
    });
}

function filterOf(model: string | undefined, { delivery, by, since }: AuditOptions): AuditFilter {
  if (delivery !== undefined && model === undefined)
    throw new UsageError('--delivery needs the model: perennial audit MODEL --delivery N.');
  return {
    ...(model === undefined ? {} : { model }),
    ...(delivery === undefined ? {} : { delivery }),
    ...(by === undefined ? {} : { actor: by }),
    ...(since === undefined ? {} : { from: since }),
  };
}

function lineOf({ sequence, at, actor, action, subject, detail }: AuditView): string {
  // How it ended, of what has an end; why, of what was asked for; why, of what came about.
  const told = [detail.outcome, detail.reason, detail.explanation];
  const why = told.filter((each) => typeof each === 'string' && each !== '').join(': ');
  return `${paint('dim', `${sequence}  ${at}`)}  ${actor}  ${paint('bold', action)}  ${subject}${why && `: ${why}`}`;
}
