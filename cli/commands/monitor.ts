import { Argument, type Command } from 'commander';
import type { Perennial } from '../../client/index.js';
import { durationPattern } from '../../contracts/duration.js';
import type { MonitorView } from '../../contracts/drift.js';
import { addActingOptions, connect, principalOf, type CommonOptions } from '../connection.js';
import { examples } from '../examples.js';
import { UsageError } from '../failure.js';
import { paint, paintVerdict, say, sayJson } from '../output.js';

const acts = ['pause', 'resume', 'check', 'configure'] as const;
type Act = (typeof acts)[number];

interface MonitorOptions extends CommonOptions {
  reason: string;
  every?: string | null;
}

/** `monitor`: how the monitor of a model is; steers it. */
export function addMonitorCommand(program: Command): void {
  addActingOptions(
    program
      .command('monitor <model>')
      .summary('show the monitor of a model, or steer it')
      .description(
        'Shows how the monitor of a model is and when it looks next. pause makes no checks until resume, check has it look at once, configure sets the time between checks.',
      ),
  )
    .addArgument(new Argument('[act]', 'what it shall do').choices(acts))
    .option(
      '--every <time>',
      'of configure: 15m, 1h, 7d, or spec for what the spec says',
      intervalOf,
    )
    .option('--reason <text>', 'why', '')
    .addHelpText(
      'after',
      examples(
        'perennial monitor flight-delay',
        'perennial monitor flight-delay check --reason "complaints"',
        'perennial monitor flight-delay configure --every 15m',
        'perennial monitor flight-delay configure --every spec',
      ),
    )
    .action(async (model: string, act: Act | undefined, options: MonitorOptions) => {
      const { every, json } = options;
      if ((act === 'configure') !== (every !== undefined))
        throw new UsageError('configure and --every go together: configure --every 1h.');
      const perennial = connect(options);
      if (act === undefined) {
        const view = await perennial.showMonitor(model);
        return json ? sayJson(view) : sayMonitor(view);
      }
      const answer = await steer(perennial, model, act, options);
      if (json) return sayJson(answer);
      say(`${paint('bold', model)} monitor ${answer.status}`);
    });
}

function steer(perennial: Perennial, model: string, act: Act, options: MonitorOptions) {
  const { reason, every = null } = options;
  const message = { by: principalOf(options), reason };
  switch (act) {
    case 'pause':
      return perennial.pauseMonitor(model, message);
    case 'resume':
      return perennial.resumeMonitor(model, message);
    case 'check':
      return perennial.wakeMonitor(model, message);
    case 'configure':
      return perennial.configureMonitor(model, { ...message, every });
  }
}

function sayMonitor(view: MonitorView): void {
  const { model, status, every, everyOverride, checks, nextCheckAt, retrainings, lastReport } =
    view;
  say(`${paint('bold', model)} monitor ${status}, ${checks} checks, ${retrainings} retrainings`);
  const source = everyOverride === null ? 'as the spec says' : 'set by a person';
  say(`every     ${durationOf(every)}, ${source}`);
  say(`next      ${nextCheckAt ?? 'none is planned'}`);
  if (lastReport)
    say(
      `last      check ${lastReport.check}: ${paintVerdict(lastReport.verdict)}. ${lastReport.decision.reason}`,
    );
}

/** Null follows the spec. */
function intervalOf(text: string): string | null {
  if (text === 'spec') return null;
  if (durationPattern.test(text)) return text;
  throw new UsageError(`'${text}' is no length of time such as 15m, 1h, 7d, nor \`spec\`.`);
}

/** As `--every` takes it. */
function durationOf(milliseconds: number): string {
  const units = { d: 86_400_000, h: 3_600_000, m: 60_000 };
  const whole = Object.entries(units).find(([, length]) => milliseconds % length === 0);
  return whole ? `${milliseconds / whole[1]}${whole[0]}` : `${milliseconds / 1_000}s`;
}
