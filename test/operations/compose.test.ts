import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { loadConfig } from '../../runtime/config.js';
import { settings } from '../../runtime/settings.js';
import { files, read, root } from '../repository/tree.js';

const healthcheck = z.object({ test: z.array(z.string()).min(2) });
const service = z.object({
  image: z.string(),
  build: z.object({ target: z.string() }).optional(),
  command: z.array(z.string()).default([]),
  restart: z.enum(['unless-stopped', 'on-failure']),
  environment: z.record(z.string(), z.string()).default({}),
  ports: z.array(z.string()).default([]),
  volumes: z.array(z.string()).default([]),
  secrets: z.array(z.string()).default([]),
  healthcheck: healthcheck.optional(),
  deploy: z.object({
    resources: z.object({ limits: z.object({ cpus: z.string(), memory: z.string() }) }),
  }),
});
const compose = z.object({
  services: z.record(z.string(), service),
  volumes: z.record(z.string(), z.unknown()),
  secrets: z.record(z.string(), z.object({ file: z.string() })),
});

const text = read('docker-compose.yml');
const { services, volumes, secrets } = compose.parse(parse(text, { merge: true }));
const each = Object.entries(services);
const ours = each.filter(([, { build }]) => build !== undefined);

describe('docker-compose.yml', () => {
  test('gives each of our processes settings that it knows and takes', () => {
    expect(ours.map(([name]) => name).toSorted()).toEqual(
      ['api', 'compute', 'gateway', 'migrate', 'pipeline', 'training', 'training-gpu'].toSorted(),
    );
    for (const [name, { environment }] of ours) {
      const set = Object.keys(environment).filter((key) => key !== 'NODE_OPTIONS');
      expect(
        set.filter((key) => !Object.hasOwn(settings, key)),
        name,
      ).toEqual([]);
      const filled = Object.fromEntries(set.map((key) => [key, fill(environment[key] ?? '')]));
      expect(() => loadConfig(filled), name).not.toThrow();
    }
  });

  test('sets nothing on the other services that looks like a setting of ours and is none', () => {
    const names = each.flatMap(([, { environment }]) => Object.keys(environment));
    const like = names.filter((name) => /^(PERENNIAL_|DATABASE_|TEMPORAL_)/.test(name));
    expect(like.filter((name) => !Object.hasOwn(settings, name))).toEqual([]);
  });

  test('has no password of its own: each is asked for, by name', () => {
    const values = each.flatMap(([, { environment }]) => Object.entries(environment));
    const asked = /^\$\{[A-Z_]+:\?[^}]*\}$/;
    const secret = values.filter(([key]) => /PASSWORD|PWD|SECRET|TOKEN|_KEY/.test(key));
    expect(secret.length).toBeGreaterThan(4);
    for (const [key, value] of secret.filter(([, path]) => !path.startsWith('/run/secrets/')))
      expect(value, key).toMatch(asked);
    for (const [key, value] of values.filter(([, url]) => /:\/\/.*@/.test(url)))
      expect(/:\/\/\w+:(.*)@/.exec(value)?.[1], key).toMatch(asked);
    expect(secrets.api_token?.file).toMatch(/^\$\{API_TOKEN_FILE:\?/);
  });

  test('watches whatever goes on running, and limits everything', () => {
    for (const [name, { restart, healthcheck: health }] of each)
      expect(health !== undefined, name).toBe(restart === 'unless-stopped');
  });

  test('publishes on loopback alone, and asks for a token where people come in', () => {
    for (const [name, { ports }] of each)
      for (const port of ports) expect(port, name).toMatch(/^127\.0\.0\.1:/);
    expect(services.api).toMatchObject({
      environment: { PERENNIAL_API_TOKEN_FILE: '/run/secrets/api_token' },
      secrets: ['api_token'],
    });
  });

  test('keeps a volume for whatever must survive, and mounts files that exist', () => {
    const sources = each
      .flatMap(([, { volumes: mounts }]) => mounts)
      .map((mount) => mount.split(/:(?=\/)/)[0] ?? '')
      .filter((source) => !source.startsWith('$'));
    const isThere = (source: string) =>
      source.startsWith('./') ? existsSync(join(root, source)) : Object.hasOwn(volumes, source);
    expect(sources.filter((source) => !isThere(source))).toEqual([]);
    const homes = ours.filter(([name]) => !['api', 'migrate'].includes(name));
    for (const [name, { volumes: mounts }] of homes)
      expect(mounts, name).toContainEqual(expect.stringMatching(/:\/var\/lib\/perennial$/));
  });

  test('checks health where the process answers', () => {
    const asked = ours.map(([, { healthcheck: health }]) => health?.test.at(-1) ?? '');
    const ports = [...asked.join('\n').matchAll(/127\.0\.0\.1:(\d+)/g)].map(([, port]) => port);
    const usual = loadConfig({});
    const known = [usual.api.port, usual.gateway.port, usual.metrics.port].map(String);
    expect(new Set(ports)).toEqual(new Set(known));
  });
});

describe('the Dockerfile', () => {
  const dockerfile = read('Dockerfile');

  test('has the targets that are built, and runs as nobody special', () => {
    const stages = [...dockerfile.matchAll(/^FROM \S+ AS (\S+)$/gm)].map(([, stage]) => stage);
    for (const [name, { build, command }] of ours) {
      expect(stages, name).toContain(build?.target);
      expect(files, name).toContain(command[0]);
    }
    for (const stage of dockerfile.split(/^FROM /m).filter((part) => / AS perennial/.test(part)))
      expect(
        stage
          .trimEnd()
          .split('\n')
          .findLast((line) => line.startsWith('USER')),
      ).toBe('USER node');
  });

  test('is given every folder of code and nothing else', () => {
    const folders = [...read('.dockerignore').matchAll(/^!(\w+)$/gm)].map(([, name]) => name ?? '');
    const imported = files
      .filter((file) => folders.includes(file.split('/')[0] ?? '') && file.endsWith('.ts'))
      .flatMap((file) =>
        [...read(file).matchAll(/from '(\.\.?\/[^']+)'/g)].map(
          ([, to = '']) => join(dirname(file), to).split('/')[0] ?? '',
        ),
      );
    expect([...new Set(imported)].filter((to) => !folders.includes(to))).toEqual(['examples']);
    expect(folders).not.toContain('test');
  });

  test('has scripts that a plain shell reads', () => {
    for (const file of files.filter((name) => name.startsWith('deploy/compose/')))
      expect(() => execFileSync('sh', ['-n', join(root, file)]), file).not.toThrow();
  });
});

/** What Compose puts in place of a variable: its default, or some word. */
function fill(value: string): string {
  return value
    .replaceAll(/\$\{[A-Z_]+:-([^}]*)\}/g, '$1')
    .replaceAll(/\$\{[A-Z_]+(:\?[^}]*)?\}/g, 'word');
}
