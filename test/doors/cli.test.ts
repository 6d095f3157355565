import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { contractTemplate, specTemplate } from '../../cli/init/spec-template.js';
import { runInProcess } from '../cli/run-in-process.js';

/** Wrong input at the command line: an exit code, a code and a sentence that says what to do; nothing written, no stack. */

let folder = '';
/** Answers what no version of Perennial would. */
const stranger = createServer((_, response) => response.end('<html>'));
let strangerUrl = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'perennial-wrong-'));
  await new Promise<void>((resolve) => stranger.listen(0, '127.0.0.1', resolve));
  strangerUrl = `http://127.0.0.1:${(stranger.address() as AddressInfo).port}`;
  const files = {
    'model.yaml': specTemplate('churn', 'ada'),
    'contract.yaml': contractTemplate('churn'),
    'typo.yaml': specTemplate('churn', 'ada').replace('seed: 1', 'sead: 1'),
    'lonely.yaml': specTemplate('churn', 'ada').replace('contract.yaml', 'none.yaml'),
    'half.yaml': 'model: [churn',
    'rows.csv': 'day,a,b\n2024-01-01,1,x\n2024-01-02,2,y\n',
  };
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
});
afterAll(async () => {
  stranger.close();
  await rm(folder, { recursive: true });
});

afterEach(() => vi.unstubAllEnvs());

interface Case {
  args: (at: (name: string) => string) => string[];
  settings?: Record<string, string>;
  exit: 1 | 2 | 3;
  code: string;
  says: RegExp;
}

const cases: Record<string, Case> = {
  'a file that is not there': {
    args: (at) => ['check', at('none.yaml')],
    exit: 1,
    code: 'FILE_NOT_FOUND',
    says: /There is no file '.*none\.yaml'/,
  },
  'a spec with a key nobody knows': {
    args: (at) => ['check', at('typo.yaml')],
    exit: 1,
    code: 'SPEC_INVALID',
    says: /typo\.yaml:\d+:3 training\.sead: there is no key 'sead' here; did you mean 'seed'\?/,
  },
  'a spec whose contract is missing': {
    args: (at) => ['check', at('lonely.yaml')],
    exit: 1,
    code: 'SPEC_INVALID',
    says: /lonely\.yaml:\d+:\d+ data\.contract: There is no file/,
  },
  'text that is no YAML': {
    args: (at) => ['apply', at('half.yaml')],
    exit: 1,
    code: 'SPEC_INVALID',
    says: /half\.yaml:\d+:\d+ /,
  },
  'a folder that has a spec already': {
    args: (at) => ['init', at('')],
    exit: 1,
    code: 'INPUT_INVALID',
    says: /is there already; --force replaces it/,
  },
  'data without a label': {
    args: (at) => ['init', at('new'), '--from', at('rows.csv')],
    exit: 1,
    code: 'INPUT_INVALID',
    says: /name the label with --label COLUMN=VALUE, for example a=1/,
  },
  'data that are not there': {
    args: (at) => ['init', at('new'), '--from', at('none.csv')],
    exit: 1,
    code: 'FILE_NOT_FOUND',
    says: /There is no file/,
  },
  'a folder that is a file': {
    args: (at) => ['init', at('rows.csv')],
    exit: 1,
    code: 'INPUT_INVALID',
    says: /rows\.csv.*: (EEXIST|ENOTDIR).*Check the path/,
  },
  'a hint about data without data': {
    args: (at) => ['init', at('new'), '--label', 'y'],
    exit: 2,
    code: 'USAGE',
    says: /--label is about data: give --from FILE with it/,
  },
  'a name that no model can have': {
    args: (at) => ['init', at('new'), '--model', 'My Model'],
    exit: 2,
    code: 'USAGE',
    says: /--model My Model: use 1-48 lower-case letters/,
  },
  'a setting nobody knows': {
    args: () => ['list'],
    settings: { PERENNIAL_APY: 'http://127.0.0.1:1' },
    exit: 1,
    code: 'CONFIG_INVALID',
    says: /no setting PERENNIAL_APY\. Known ones: .*PERENNIAL_API,/,
  },
  'a setting with a wrong value': {
    args: () => ['list'],
    settings: { PERENNIAL_API: 'somewhere' },
    exit: 1,
    code: 'CONFIG_INVALID',
    says: /PERENNIAL_API is 'somewhere': .*URL/,
  },
  'an address where nobody listens': {
    args: () => ['show', 'churn', '--api', 'http://127.0.0.1:1'],
    exit: 3,
    code: 'SERVER_UNREACHABLE',
    says: /Nobody listens at http:\/\/127\.0\.0\.1:1/,
  },
  'an address where somebody else listens': {
    args: () => ['list', '--api', strangerUrl],
    exit: 1,
    code: 'INTERNAL',
    says: /not what this version of Perennial understands/,
  },
  'a feature without a value': {
    args: () => ['predict', 'churn', 'amount'],
    exit: 2,
    code: 'USAGE',
    says: /'amount' is not name=value/,
  },
  'a question to nobody': {
    args: () => ['deliver', 'churn', '--until-asked'],
    exit: 2,
    code: 'USAGE',
    says: /Give --until-asked with --wait/,
  },
  'half a window': {
    args: () => ['deliver', 'churn', '--from', '2001-01-01T00:00:00Z'],
    exit: 2,
    code: 'USAGE',
    says: /--from and --to together/,
  },
};

describe('the command line refuses', () => {
  test.each(Object.entries(cases))('%s', async (_name, { args, settings, exit, code, says }) => {
    for (const [name, value] of Object.entries(settings ?? {})) vi.stubEnv(name, value);
    const before = await readdir(folder, { recursive: true });
    const call = args((name) => join(folder, name));

    const said = await runInProcess(call);
    expect(said).toMatchObject({ code: exit, out: '' });
    expect(said.err.replaceAll('\n', ' ')).toMatch(says);
    expect(said.err).toContain(code);
    expect(said.err).not.toMatch(/^ +at |node_modules/m);

    const document = await runInProcess([...call, '--json']);
    expect(document).toMatchObject({ code: exit, err: '' });
    expect(JSON.parse(document.out)).toMatchObject({ error: { code } });
    expect(await readdir(folder, { recursive: true })).toEqual(before);
  });
});
