import { Command } from 'commander';
import { addApproveCommand, addRejectCommand } from './commands/approval.js';
import { addAuditCommand } from './commands/audit.js';
import { addBudgetCommand } from './commands/budget.js';
import { addCancelCommand } from './commands/cancel.js';
import { addCostCommand } from './commands/cost.js';
import { addDeliverCommand, addWatchCommand } from './commands/delivery.js';
import { addDownCommand } from './commands/down.js';
import { addDriftCommand } from './commands/drift.js';
import { addInitCommand } from './commands/init.js';
import { addLineageCommand } from './commands/lineage.js';
import { addListCommand } from './commands/list.js';
import { addLogsCommand } from './commands/logs.js';
import { addMonitorCommand } from './commands/monitor.js';
import { addPredictCommand } from './commands/predict.js';
import { addPricesCommand } from './commands/prices.js';
import { addReleaseCommands, addRollbackCommand } from './commands/release.js';
import { addRetireCommand } from './commands/retire.js';
import { addShowCommand } from './commands/show.js';
import { addApplyCommand, addCheckCommand } from './commands/spec.js';
import { addStatusCommand } from './commands/status.js';
import { addTrialsCommand } from './commands/trials.js';
import { addUpCommand } from './commands/up.js';

const exitCodeText = `
Exit codes: 0 done · 1 refused or failed · 2 called wrongly · 3 the server cannot be reached`;

/** The command line with all its commands. Throws instead of ending the process. */
export function createProgram(): Command {
  const program = new Command('perennial')
    .description('Keeps machine-learning models fresh for years.')
    .exitOverride()
    .showHelpAfterError('(perennial COMMAND --help shows how)')
    .addHelpText('after', exitCodeText);
  for (const add of commands) add(program);
  return program;
}

const commands = [
  addUpCommand,
  addDownCommand,
  addStatusCommand,
  addInitCommand,
  addCheckCommand,
  addApplyCommand,
  addDeliverCommand,
  addListCommand,
  addShowCommand,
  addWatchCommand,
  addCancelCommand,
  addApproveCommand,
  addRejectCommand,
  addReleaseCommands,
  addRollbackCommand,
  addPredictCommand,
  addDriftCommand,
  addMonitorCommand,
  addRetireCommand,
  addAuditCommand,
  addLogsCommand,
  addTrialsCommand,
  addLineageCommand,
  addCostCommand,
  addBudgetCommand,
  addPricesCommand,
];
