import type { Command } from 'commander';
import type { DriftReport } from '../../contracts/drift.js';
import { addCommonOptions, connect, type CommonOptions } from '../connection.js';
import { examples } from '../examples.js';
import { ago, number, paint, paintVerdict, say, sayJson, sayTable } from '../output.js';
import { wholeNumber } from '../values.js';

/** `drift`: what the monitor of a model found. */
export function addDriftCommand(program: Command): void {
  addCommonOptions(
    program
      .command('drift <model>')
      .summary('show what the monitor found, feature by feature')
      .description(
        'Shows the newest check of a model feature by feature, with what was decided, and those before it in a line each.',
      ),
  )
    .option('--last <number>', 'how many checks, 500 at most', wholeNumber, 10)
    .addHelpText(
      'after',
      examples('perennial drift flight-delay', 'perennial drift flight-delay --last 50 --json'),
    )
    .action(async (model: string, options: CommonOptions & { last: number }) => {
      const found = await connect(options).drift(model, { limit: options.last });
      if (options.json) return sayJson(found);
      const [newest] = found.reports;
      if (!newest) return say(`The monitor of ${model} has made no check yet.`);
      sayReport(newest);
      say();
      sayTable(
        ['check', 'at', 'version', 'rows', 'verdict', 'severity', 'psi', 'decision'],
        found.reports.map((each) => [
          each.check,
          ago(each.at),
          `v${each.version}`,
          each.rows,
          each.verdict,
          each.severity,
          number(each.score),
          each.decision.action,
        ]),
        '',
      );
      say(`${found.retrainings} retrainings asked for so far.`);
    });
}

function sayReport(report: DriftReport): void {
  const { model, check, version, rows, window, verdict, decision, findings, performance } = report;
  const seen = window ? `, ${window.from} to ${window.to}` : '';
  say(
    `${paint('bold', model)} v${version}, check ${check}: ${paintVerdict(verdict)}, ${rows} rows${seen}`,
  );
  say(`${decision.action}: ${decision.reason}`);
  if (performance.rows > 0)
    say(
      `labels    ${performance.rows}, log loss ${number(performance.logLoss)}, expected ${number(performance.expectedLogLoss)}`,
    );
  say();
  sayTable(
    ['family', 'name', 'verdict', 'severity', 'psi', 'p', 'unseen', 'because'],
    findings.map((each) => [
      each.family,
      each.name,
      each.verdict,
      each.severity,
      number(each.psi),
      number(each.p),
      number(each.unseen),
      each.reason,
    ]),
    'Nothing was compared: see the decision.',
  );
}
