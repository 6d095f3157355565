/** Plays the flight-delay example on a stack of its own: births, approvals, releases, drift, a retraining and a version that is stopped. */
import { join } from 'node:path';
import { Option } from 'commander';
import { removeStack } from '../cli/stack/predecessor.js';
import { pythonOf } from '../cli/stack/parts.js';
import { startStack, type Stack } from '../cli/stack/stack.js';
import { createPerennial } from '../client/index.js';
import { connectDatabase } from '../db/connect.js';
import { readApiToken } from '../runtime/api-token.js';
import { loadConfig, type Config } from '../runtime/config.js';
import { silentLog } from '../runtime/log.js';
import { connectTemporal } from '../runtime/temporal/connection.js';
import { createCommand, wholeNumber } from './command-line.js';
import { openTrainingEngine, type TrainingEngine } from './engine/training-engine.js';
import { gatherFigures, type Figures } from './story/figures.js';
import { model, playFlightDelay } from './story/flight-delay.js';
import { createNarrator, type Narrator } from './story/narrator.js';
import { createReplay } from './story/replay.js';
import { startSteward } from './story/steward.js';

interface Options {
  yes?: boolean;
  json?: boolean;
  keep?: boolean;
  training?: Config['training'];
  sample: number;
  perSecond: number;
}

const options = createCommand('demo')
  .description(
    'Half a year of a flight-delay model in about two minutes, on real parts and real data.',
  )
  .option(
    '--yes',
    'approve by itself; without it the demo stops at each approval and says how to answer',
  )
  .option('--json', 'print one last line of JSON with the figures')
  .option('--keep', 'leave everything running at the end, to look around; Ctrl-C stops it')
  .addOption(
    new Option('--training <backend>', 'where the trainer runs').choices(['process', 'docker']),
  )
  .option('--sample <flights>', 'flights of a month that are asked about', wholeNumber(1), 5_000)
  .option('--per-second <requests>', 'pace of the replay', wholeNumber(1), 700)
  .addHelpText(
    'after',
    '\nExamples:\n  ./scripts/demo --yes\n  ./scripts/demo --yes --json\n  ./scripts/demo --keep\n  ./scripts/demo --yes --training docker',
  )
  .parse()
  .opts<Options>();

const config = loadConfig();
const home = join(config.home, 'demo');
const narrator = createNarrator();

async function main(): Promise<number> {
  await removeStack(home);
  narrator.chapter('Starting everything on this machine');
  const training = options.training ?? config.training;
  const engine = training === 'docker' ? await openEngine() : undefined;
  try {
    return await playOn(engine, training);
  } finally {
    await engine?.stop();
  }
}

async function playOn(
  engine: TrainingEngine | undefined,
  training: Config['training'],
): Promise<number> {
  const artifacts = join(home, 'artifacts');
  const starting = startStack({
    config: { ...config, home, artifacts, training, ...engine?.settings },
    onPart: ({ name, address, milliseconds }) =>
      narrator.say(
        `${name.padEnd(12)} ${address.padEnd(28)} ready in ${Math.round(milliseconds)} ms`,
      ),
    onNotice: (part, sentence) => narrator.say(`${part}: ${sentence}`),
  });
  const stop = once(async () => {
    // One that did not start has stopped what it had started.
    const stack = await starting.catch(() => undefined);
    await stack?.stop();
    await engine?.stop();
  });
  let exitCode = 130;
  const leave = () => void stop().finally(() => process.exit(exitCode));
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, leave);
  // Nobody reads on (`| head`).
  process.stdout.on('error', leave);
  try {
    const stack = await starting;
    const figures = await play(stack);
    exitCode = figures.ok ? 0 : 1;
    tell(figures, stack);
    if (engine) narrator.say(`${await engine.countContainers()} containers are left.`);
    if (options.keep) narrator.say('Everything stays up; Ctrl-C stops it.');
    if (options.json) process.stdout.write(`${JSON.stringify(figures)}\n`);
    if (options.keep) await new Promise<never>(() => {});
    return exitCode;
  } finally {
    await stop();
  }
}

async function openEngine(): Promise<TrainingEngine> {
  const engine = await openTrainingEngine(config, pythonOf(config));
  narrator.say(`${'trainings'.padEnd(12)} in containers of ${engine.name}`);
  return engine;
}

async function play(stack: Stack): Promise<Figures> {
  const { tokenFile } = config.api;
  const perennial = createPerennial({
    url: stack.apiUrl,
    ...(tokenFile === undefined ? {} : { token: readApiToken(tokenFile) }),
  });
  const database = connectDatabase({ url: stack.databaseUrl, log: silentLog, max: 2 });
  const temporal = await connectTemporal({
    address: stack.temporalAddress,
    namespace: config.temporal.namespace,
  });
  const steward = startSteward({
    perennial,
    model,
    narrator,
    approver: options.yes ? 'dispatcher' : null,
  });
  const replay = createReplay({
    gateway: stack.gatewayUrl,
    model,
    perSecond: options.perSecond,
  });
  try {
    await playFlightDelay({
      perennial,
      narrator,
      replay,
      steward,
      folder: home,
      sampleSize: options.sample,
      patienceSeconds: options.yes ? 120 : 90 * 24 * 3600,
    });
    await steward.stop();
    return await gatherFigures({
      pool: database.pool,
      client: temporal.client,
      model,
      deliveries: steward.deliveries(),
      asked: replay.counts.asked,
      seconds: narrator.seconds(),
    });
  } finally {
    await steward.stop();
    await temporal.close();
    await database.close();
  }
}

function tell(figures: Figures, stack: Stack): void {
  narrator.chapter(figures.ok ? 'What happened' : 'What happened (not what was promised)');
  table(narrator, figures);
  narrator.say('');
  narrator.table([
    ['Temporal UI', stack.temporalUi ?? stack.temporalAddress],
    ['control API', `${stack.apiUrl}/api/v1/openapi.json`],
    ['gateway', `${stack.gatewayUrl}/v2/models/${model}`],
  ]);
}

function table({ table: print }: Narrator, figures: Figures): void {
  const stages = Object.entries(figures.stages).map(
    ([stage, seconds]) => `${stage} ${seconds.toFixed(1)} s`,
  );
  const histories = Object.entries(figures.historyEvents).map(
    ([type, events]) => `${type} ${events}`,
  );
  print([
    ['deliveries', `${figures.deliveries}, of them ${figures.retrainings} started by the monitor`],
    ['promoted', String(figures.promoted)],
    ['rolled back', String(figures.rolledBack)],
    ['quarantined rows', String(figures.quarantinedRows)],
    ['predictions', `${figures.predictions.toLocaleString('en')} in the log, ${figures.lost} lost`],
    ['longest stage', stages.join(', ')],
    ['longest history', histories.join(', ')],
    ['story', `${figures.seconds} s`],
  ]);
}

function once(act: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined;
  return () => (done ??= act());
}

process.exitCode = await main().catch((error: unknown) => {
  narrator.say(error instanceof Error ? error.message : String(error));
  return 1;
});
process.exit();
