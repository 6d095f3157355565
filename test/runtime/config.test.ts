import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadConfig } from '../../runtime/config.js';

const refusal = (environment: NodeJS.ProcessEnv) => {
  try {
    loadConfig(environment);
  } catch (error) {
    return error;
  }
  return undefined;
};

test('without any setting everything is embedded, under .perennial of the working folder', () => {
  const config = loadConfig({});
  expect(config.home).toBe(join(process.cwd(), '.perennial'));
  expect(config.artifacts).toBe(join(config.home, 'artifacts'));
  expect(config.databaseUrl).toBeUndefined();
  expect(config.temporal).toMatchObject({ address: undefined, namespace: 'perennial', port: 7233 });
  expect(config.host).toBe('127.0.0.1');
});

test('an empty variable counts as unset', () => {
  expect(loadConfig({ DATABASE_URL: '', PERENNIAL_API_PORT: '' }).api.port).toBe(7280);
});

test('a home below the user’s own folder may be written with a tilde', () => {
  expect(loadConfig({ PERENNIAL_HOME: '~/models', HOME: '/home/ada' }).home).toMatch(
    /^\/.*\/models$/,
  );
});

test.each([
  ['PERENNIAL_API_PORT', '70000', /65535/],
  ['PERENNIAL_API_PORT', 'eighty', /number/i],
  ['DATABASE_URL', 'mysql://db/models', /DATABASE_URL/],
  ['PERENNIAL_ARTIFACTS', 'ftp://files', /s3:\/\/bucket\/prefix/],
  ['PERENNIAL_LOG_LEVEL', 'loud', /debug.*info.*warn.*error/],
  ['PERENNIAL_TRAINING', 'podman', /process.*docker.*kubernetes/],
  ['PERENNIAL_IMAGE_TAGS', 'maybe', /resolve.*refuse/],
  ['PERENNIAL_WORKER_VERSIONING', 'on', /off.*pinned/],
])('%s=%s is refused by its name, with what is allowed', (name, value, allowed) => {
  const error = refusal({ [name]: value });
  expect(error).toMatchObject({ code: 'CONFIG_INVALID' });
  expect(String(error)).toContain(`${name} is '${value}'`);
  expect(String(error)).toMatch(allowed);
});

test('traces are made where a collector is named, with the headers it asks for', () => {
  expect(loadConfig({}).tracing).toBeUndefined();
  const found = loadConfig({
    OTEL_EXPORTER_OTLP_ENDPOINT: 'https://collector.example:4318',
    OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20abc=,x-team=models',
    OTEL_SERVICE_NAME: '',
  });
  expect(found.tracing).toEqual({
    endpoint: 'https://collector.example:4318',
    headers: { authorization: 'Bearer abc=', 'x-team': 'models' },
    service: undefined,
  });
});

test('a refusal repeats no secret', () => {
  const refused = [
    refusal({ OTEL_EXPORTER_OTLP_HEADERS: 'authorization: Bearer tiger' }),
    refusal({ OTEL_EXPORTER_OTLP_HEADERS: 'authorization=tiger%' }),
    refusal({ DATABASE_URL: 'mysql://ada:tiger@db/models' }),
  ];
  expect(refused.map(String).join()).not.toContain('tiger');
  expect(refused).toMatchObject(refused.map(() => ({ code: 'CONFIG_INVALID' })));
});

test('a setting nobody knows is refused, for it is most likely a slip of the pen', () => {
  const error = refusal({ PERENNIAL_ARTEFACTS: '/tmp' });
  expect(error).toMatchObject({ code: 'CONFIG_INVALID' });
  expect(String(error)).toContain('There is no setting PERENNIAL_ARTEFACTS');
});

test('GPUs are numbered on from class to class, and each class is named once', () => {
  expect(loadConfig({ PERENNIAL_GPUS: 'a10:2,h100:1' }).gpus).toEqual([
    { class: 'a10', devices: [0, 1] },
    { class: 'h100', devices: [2] },
  ]);
  expect(loadConfig({}).gpus).toEqual([]);
  for (const wrong of ['a10', 'a10:0', 'A10:1', 'a10:1,a10:2'])
    expect(refusal({ PERENNIAL_GPUS: wrong })).toMatchObject({ code: 'CONFIG_INVALID' });
});
