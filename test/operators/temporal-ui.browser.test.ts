import { execFile } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { WorkflowHandle } from '@temporalio/client';
import { chromium, type Browser, type Page } from 'playwright-core';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { startDelivery } from '../../client/temporal.js';
import { taskQueues, workflowId, workflowTypes } from '../../contracts/messages.js';
import type { MonitorState, ReleaseState } from '../../contracts/states.js';
import { findTemporalCli } from '../../runtime/temporal/cli.js';
import { evidence } from '../../scripts/healthy-model.js';
import { untilCancelled } from '../workflows/scripted-activities.js';
import { eventually, startWorld, untilOpen, type World } from '../workflows/world.js';

const model = 'flight-delay';
const namespace = 'perennial';
/** Set to anything, it has the pictures of docs/ taken again. */
const takesPictures = process.env.TAKE_PICTURES !== undefined;
const pictures = fileURLToPath(new URL('../../docs/pictures/', import.meta.url));
const withoutAccount = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'];
const withoutNetwork = [
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

let world: World;
let browser: Browser;
beforeAll(async () => {
  [world, browser] = await Promise.all([
    startWorld(namespace),
    chromium.launch({
      executablePath: await findChromium(),
      args: [...withoutAccount, ...withoutNetwork],
    }),
  ]);
  world.script(model, { judgeStep: untilCancelled });
}, 120_000);
afterAll(async () => {
  await browser.close();
  await world.end();
});

test('an operator reads in the Temporal UI what waits for an approver, and answers with a line copied from there', async () => {
  await startDelivery(world.client, {
    model,
    requestedBy: 'alice',
    reason: 'A month of new data.',
  });
  const delivery = world.client.workflow.getHandle(workflowId.deliver(model));
  const { approval } = await untilOpen(delivery);
  const page = await open(delivery);
  const text = await textOf(page, 'A decision is awaited');
  for (const words of [
    'from: role approver (bob)',
    'votes: 0 of 1',
    `until: ${approval?.expiresAt}`,
    `perennial approve ${model} --evidence ${evidence} --as YOU --reason 'WHY'`,
    `perennial reject ${model} --evidence ${evidence} --as YOU --reason 'WHY'`,
    `temporal workflow update execute --namespace ${namespace} --workflow-id deliver/${model} --name decide --input '{"vote":"approve","by":"YOU"`,
  ])
    expect(text).toContain(words);
  await picture(page, 'waiting-delivery');

  await obey(lineOf(text, 'temporal workflow signal', '"approve"'));
  await eventually('the release', async () => world.calls(model).includes('judgeStep'));
});

test('a running canary says until when its judge looks, and a line copied from there pauses it', async () => {
  const release = world.client.workflow.getHandle(workflowId.release(model));
  const { judgedUntil } = await eventually('the judge', async () => {
    const state = await release.query<ReleaseState>('state');
    return state.judgedUntil !== null && state;
  });
  const page = await open(release);
  const text = await textOf(page, 'The judge is awaited');
  for (const words of [
    '5.0 % of the traffic',
    `until: ${judgedUntil}`,
    `perennial abort ${model} --as YOU --reason 'WHY'`,
    `temporal workflow update execute --namespace ${namespace} --workflow-id release/${model} --name promote`,
  ])
    expect(text).toContain(words);
  await picture(page, 'running-canary');

  await obey(lineOf(text, 'temporal workflow update', '--name pause'));
  await page.reload();
  expect(await textOf(page, 'A person is awaited')).toContain('from: role releaser');
  expect((await release.query<ReleaseState>('state')).status).toBe('paused');
});

test('a monitor says when it looks next, and a line copied from there has it look at once', async () => {
  const monitor = await world.client.workflow.start(workflowTypes.monitorModel, {
    workflowId: workflowId.monitor(model),
    taskQueue: taskQueues.pipeline,
    args: [{ model }],
  });
  const stateAfter = (checks: number) =>
    eventually(`check ${checks}`, async () => {
      const state = await monitor.query<MonitorState>('state');
      return state.checks === checks && state.nextCheckAt !== null && state;
    });
  const { nextCheckAt } = await stateAfter(1);
  const page = await open(monitor);
  const text = await textOf(page, 'The next check is awaited');
  for (const words of [
    `until: ${nextCheckAt}`,
    `temporal workflow update execute --namespace ${namespace} --workflow-id monitor/${model} --name pause`,
    `perennial retire ${model} --as YOU --reason 'WHY'`,
  ])
    expect(text).toContain(words);
  await picture(page, 'monitor');

  await obey(lineOf(text, 'temporal workflow signal', '--name breach'));
  await stateAfter(2);
});

async function findChromium(): Promise<string> {
  const { stdout } = await promisify(execFile)('sh', ['-c', 'command -v chromium']);
  return stdout.trim();
}

/** The workflow's page as an operator reaches it from the list. */
async function open(handle: WorkflowHandle): Promise<Page> {
  const { runId } = await handle.describe();
  const page = await browser.newPage({ viewport: { width: 1_600, height: 1_300 } });
  const path = `/namespaces/${namespace}/workflows/${encodeURIComponent(handle.workflowId)}/${runId}`;
  await page.goto(`${inject('temporalUi')}${path}/user-metadata`);
  return page;
}

/** The details that the page shows, once `awaited` is among them. */
async function textOf(page: Page, awaited: string): Promise<string> {
  // The UI draws Markdown in a frame, so that it can do nothing to the page.
  const details = page.frameLocator('#user-metadata-current-details');
  await details.getByText(awaited).waitFor({ timeout: 30_000 });
  return details.locator('body').innerText();
}

/** The one line of the page that starts with `start` and holds `words`. */
function lineOf(text: string, start: string, words: string): string {
  const line = text.split('\n').find((each) => each.startsWith(start) && each.includes(words));
  if (line === undefined) throw new Error(`The page has no line '${start} … ${words}':\n${text}`);
  return line;
}

/** Runs a line as it stands, with nothing but the two words filled in. */
async function obey(line: string): Promise<void> {
  const cli = await findTemporalCli(process.env.PERENNIAL_TEMPORAL_CLI);
  const filled = line.replace('YOU', 'bob').replace('WHY', 'seen in the Temporal UI');
  await promisify(execFile)('bash', ['-c', `temporal() { "$CLI" "$@"; }; ${filled}`], {
    env: { ...process.env, CLI: cli, TEMPORAL_ADDRESS: inject('temporalAddress') },
  });
}

async function picture(page: Page, name: string): Promise<void> {
  if (!takesPictures) return;
  await mkdir(pictures, { recursive: true });
  await page.screenshot({ path: `${pictures}${name}.png` });
}
