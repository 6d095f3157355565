import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/** One look at one GPU. What its driver does not tell is null, never 0. */
export interface GpuSample {
  /** The driver's own id, the same after a restart: `GPU-…`, or `MIG-…` for a part of one. */
  device: string;
  index: number;
  name: string;
  /** Per cent of the last moment in which something ran. */
  utilisation: number | null;
  memoryMib: number | null;
  memoryTotalMib: number | null;
  watts: number | null;
}

const fields = [
  'uuid',
  'index',
  'name',
  'utilization.gpu',
  'memory.used',
  'memory.total',
  'power.draw',
];
const patience = 5_000;
const run = promisify(execFile);

/** Looks at the GPUs of this machine by the driver's `nvidia-smi`. None, and no error, where there is no driver or it does not answer. */
export function createGpuSampler(command = 'nvidia-smi'): () => Promise<GpuSample[]> {
  return async () => {
    try {
      const { stdout } = await run(
        command,
        [`--query-gpu=${fields.join(',')}`, '--format=csv,noheader,nounits'],
        // A driver in trouble may never answer, and then does not hear SIGTERM either.
        { timeout: patience, killSignal: 'SIGKILL', maxBuffer: 256 * 1_024 },
      );
      return parseGpuSamples(stdout);
    } catch {
      return [];
    }
  };
}

/** Lines of `nvidia-smi --format=csv,noheader,nounits`; one that is not of the form is passed over. */
export function parseGpuSamples(output: string): GpuSample[] {
  return output.split('\n').flatMap((line) => {
    const cells = line.split(',').map((cell) => cell.trim());
    const [device = '', index = '', name = '', utilisation, used, total, watts] = cells;
    if (cells.length !== fields.length || !/^(GPU|MIG)-/.test(device) || !/^\d+$/.test(index))
      return [];
    return [
      {
        device,
        index: Number(index),
        name,
        utilisation: percentOf(utilisation),
        memoryMib: numberOf(used),
        memoryTotalMib: numberOf(total),
        watts: numberOf(watts),
      },
    ];
  });
}

/** `[N/A]`, `[Not Supported]`, `[Unknown Error]`, `ERR!`: whatever is no plain number was not told. */
function numberOf(cell: string | undefined): number | null {
  return cell !== undefined && /^\d+(\.\d+)?$/.test(cell) ? Number(cell) : null;
}

function percentOf(cell: string | undefined): number | null {
  const percent = numberOf(cell);
  return percent !== null && percent <= 100 ? percent : null;
}

/** Those that a job sees by its `CUDA_VISIBLE_DEVICES`, by index or by a beginning of the id; all of them where it is not set. */
export function visibleGpus<T extends Pick<GpuSample, 'device' | 'index'>>(
  samples: T[],
  visible: string | undefined,
): T[] {
  if (visible === undefined) return samples;
  const named = visible
    .split(',')
    .map((each) => each.trim())
    .filter((each) => each !== '');
  return samples.filter(({ device, index }) =>
    named.some(
      (each) => each === String(index) || (/^(GPU|MIG)-/.test(each) && device.startsWith(each)),
    ),
  );
}

/** Joules of one GPU over looks in order of time: power by trapezoids; a gap of more than a minute is one in which nobody looked. */
export function joulesOf(looks: { at: Date; watts: number | null }[]): number {
  let joules = 0;
  for (const [index, { at, watts }] of looks.entries()) {
    const before = looks[index - 1];
    const seconds = before ? (at.getTime() - before.at.getTime()) / 1_000 : 0;
    if (before?.watts == null || watts === null || seconds > 60) continue;
    joules += ((before.watts + watts) / 2) * seconds;
  }
  return joules;
}
