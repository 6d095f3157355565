import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  createGpuSampler,
  joulesOf,
  parseGpuSamples,
  visibleGpus,
} from '../../../training/gpu-usage.js';
import { temporaryFolder } from '../../support/artifacts.js';

// What `nvidia-smi --query-gpu=uuid,index,name,utilization.gpu,memory.used,memory.total,power.draw --format=csv,noheader,nounits` prints.
const recorded = [
  'GPU-5a1f2c3e-0000-4444-8888-0123456789ab, 0, NVIDIA H100 80GB HBM3, 87, 20480, 81559, 311.62',
  'GPU-77777777-0000-4444-8888-0123456789ab, 1, NVIDIA A10, 0, 0, 23028, [N/A]',
  'GPU-99999999-0000-4444-8888-0123456789ab, 2, Tesla K80, [Not Supported], [Unknown Error], ERR!, ',
].join('\n');

/** Our own port, not the driver's: what stands in its place says what a driver was seen to say. */
async function executable(body: string): Promise<string> {
  const path = join(await temporaryFolder(), 'nvidia-smi');
  await writeFile(path, `#!/bin/sh\n${body}\n`);
  await chmod(path, 0o755);
  return path;
}

describe('what nvidia-smi says', () => {
  test('is read number by number; what the driver does not tell is null and never 0', () => {
    expect(parseGpuSamples(recorded)).toEqual([
      {
        device: 'GPU-5a1f2c3e-0000-4444-8888-0123456789ab',
        index: 0,
        name: 'NVIDIA H100 80GB HBM3',
        utilisation: 87,
        memoryMib: 20_480,
        memoryTotalMib: 81_559,
        watts: 311.62,
      },
      expect.objectContaining({ index: 1, utilisation: 0, memoryMib: 0, watts: null }) as unknown,
      {
        device: 'GPU-99999999-0000-4444-8888-0123456789ab',
        index: 2,
        name: 'Tesla K80',
        utilisation: null,
        memoryMib: null,
        memoryTotalMib: null,
        watts: null,
      },
    ]);
  });

  test.each([
    ['nothing', ''],
    ['a sentence', 'No devices were found'],
    ['a failure', "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver."],
    ['too few cells', 'GPU-1, 0, NVIDIA A10, 5'],
    ['too many', 'GPU-1, 0, NVIDIA A10, 5, 1, 2, 3, 4'],
    ['no id', ', 0, NVIDIA A10, 5, 1, 2, 3'],
  ])('is no GPU where it is %s', (_, output) => expect(parseGpuSamples(output)).toEqual([]));

  test.each(['-5', '1e3', '0x10', 'NaN', 'Infinity', '101 %'])(
    'is not told where a number is written as %s',
    (cell) => {
      const [sample] = parseGpuSamples(`GPU-1, 0, A10, ${cell}, ${cell}, ${cell}, ${cell}`);
      expect(sample).toMatchObject({ utilisation: null, memoryMib: null, watts: null });
    },
  );
});

describe('looking at the GPUs of a machine', () => {
  test('asks for the fields that are read', async () => {
    const echo = await executable(
      'printf "GPU-1, 0, %s, 1, 2, 3, 4\\n" "$*" | tr -d , | sed "s/ 0 / /"',
    );
    await expect(createGpuSampler(echo)()).resolves.toEqual([]);
    const command = await executable(
      `case "$*" in "--query-gpu=uuid,index,name,utilization.gpu,memory.used,memory.total,power.draw --format=csv,noheader,nounits") cat <<'END'\n${recorded}\nEND\n;; *) exit 2 ;; esac`,
    );
    expect(await createGpuSampler(command)()).toHaveLength(3);
  });

  test.each([
    ['there is no driver', () => Promise.resolve('/nowhere/nvidia-smi')],
    ['the driver fails', () => executable('echo GPU-1, 0, A, 1, 2, 3, 4; exit 9')],
    ['it talks without an end', () => executable('yes')],
  ])('finds none, and no error, where %s', async (_, command) => {
    expect(await createGpuSampler(await command())()).toEqual([]);
  });
});

describe('the GPUs that a job sees', () => {
  const gpus = parseGpuSamples(recorded);
  test.each([
    [undefined, [0, 1, 2]],
    ['0', [0]],
    ['2, 0', [0, 2]],
    ['GPU-7777', [1]],
    ['', []],
    ['-1', []],
    ['10', []],
    ['GPU', []],
  ])('with CUDA_VISIBLE_DEVICES %j are %j', (visible, seen) => {
    expect(visibleGpus(gpus, visible).map(({ index }) => index)).toEqual(seen);
  });
});

test('energy is power over time, none over a gap and none where power was not told', () => {
  const looks = (list: [number, number | null][]) =>
    list.map(([second, watts]) => ({ at: new Date(second * 1_000), watts }));
  expect(
    joulesOf(
      looks([
        [0, 100],
        [10, 300],
        [20, 100],
      ]),
    ),
  ).toBe(4_000);
  expect(
    joulesOf(
      looks([
        [0, 100],
        [10, null],
        [20, 100],
        [120, 100],
        [130, 100],
      ]),
    ),
  ).toBe(1_000);
  expect(joulesOf([])).toBe(0);
});
