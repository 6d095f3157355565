import { mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import type { TrainerManifest } from '../../contracts/training.js';
import { sha256Hex } from '../../runtime/digest.js';
import { verifyManifest } from '../../training/manifest.js';
import { temporaryFolder } from '../support/artifacts.js';

const job = {
  seed: 7,
  features: [
    { name: 'distance', type: 'number' as const },
    { name: 'origin', type: 'category' as const },
  ],
};
const bytes = 'the model';
const good: TrainerManifest = {
  schemaVersion: 1,
  files: [{ path: 'model.onnx', sha256: sha256Hex(bytes), bytes: bytes.length }],
  model: 'model.onnx',
  signature: {
    inputs: [
      { name: 'distance', datatype: 'FP32', shape: [-1, 1] },
      { name: 'origin', datatype: 'BYTES', shape: [-1, 1] },
    ],
    outputs: [{ name: 'probability', datatype: 'FP32', shape: [-1, 1] }],
  },
  metrics: { loss: 0.5 },
  framework: {},
  environment: 'sha256:abc',
  seed: 7,
};
const [goodFile] = good.files as [TrainerManifest['files'][number]];

describe("A trainer's manifest", () => {
  let root: string;
  const write = (content: unknown) =>
    writeFile(
      join(root, 'output', 'manifest.json'),
      typeof content === 'string' ? content : JSON.stringify(content),
    );
  const refusal = async () =>
    verifyManifest(root, job).then(
      () => 'accepted',
      (error: unknown) => {
        expect(error).toMatchObject({ code: 'MANIFEST_INVALID' });
        return (error as Error).message;
      },
    );

  beforeEach(async () => {
    root = await temporaryFolder();
    await mkdir(join(root, 'output'));
    await mkdir(join(root, 'model'));
    await writeFile(join(root, 'model', 'model.onnx'), bytes);
    await writeFile(join(root, 'secret'), bytes);
  });

  it('is accepted when everything in it is true', async () => {
    await write(good);
    expect(await verifyManifest(root, job)).toEqual({
      manifest: good,
      manifestPath: join(root, 'output', 'manifest.json'),
      modelPath: join(root, 'model', 'model.onnx'),
    });
  });

  it('is missed when it is missing', async () => {
    expect(await refusal()).toContain('is missing');
  });

  it.each([
    ['half a file', '{"schemaVersion": 1, ', 'is not JSON'],
    ['a megabyte of blanks', ' '.repeat((1 << 20) + 1), 'is larger than 1048576 bytes'],
    ['a metric that is no number', JSON.stringify(good).replace('0.5', 'NaN'), 'is not JSON'],
    ['an endless metric', JSON.stringify(good).replace('0.5', '1e999'), 'metrics'],
    ['no files', { ...good, files: [] }, 'files'],
    ['another version of itself', { ...good, schemaVersion: 2 }, 'schemaVersion'],
    ['a wrong digest', { ...good, files: [{ ...goodFile, sha256: '0'.repeat(64) }] }, 'digest'],
    ['a wrong size', { ...good, files: [{ ...goodFile, bytes: 1 }] }, 'has 1 bytes; it has 9'],
    ['a file that is not there', { ...good, files: [{ ...goodFile, path: 'x' }] }, 'not exist'],
    ['a model that is not listed', { ...good, model: 'other.onnx' }, 'not among its files'],
    ['another seed', { ...good, seed: 8 }, 'seed 8; asked was 7'],
    [
      'other inputs than the features',
      { ...good, signature: { ...good.signature, inputs: good.signature.inputs.toReversed() } },
      'the inputs origin BYTES, distance FP32; the spec has distance FP32, origin BYTES',
    ],
  ])('is refused with %s', async (_, content, words) => {
    await write(content);
    expect(await refusal()).toContain(words);
  });

  it('is missed where it is a link', async () => {
    await writeFile(join(root, 'elsewhere.json'), JSON.stringify(good));
    await symlink('../elsewhere.json', join(root, 'output', 'manifest.json'));
    expect(await refusal()).toContain('is missing');
  });

  it.each(['../secret', '/etc/passwd', 'a/../../secret', '.', 'linked', 'linkedfolder/secret'])(
    'is refused when it names %s',
    async (path) => {
      await symlink('../secret', join(root, 'model', 'linked'));
      await symlink('..', join(root, 'model', 'linkedfolder'));
      await write({ ...good, files: [goodFile, { ...goodFile, path }] });
      expect(await refusal()).toMatch(/lies outside model|is not a plain file/);
    },
  );

  it('is refused when the whole model folder is gone', async () => {
    await rm(join(root, 'model'), { recursive: true });
    await write(good);
    expect(await refusal()).toContain('does not exist');
  });
});
