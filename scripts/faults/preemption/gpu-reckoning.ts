import type { Arena } from '../arena.js';
import { patiently } from '../patience.js';
import type { Life } from '../training/subject.js';

/** One trainer's life, and whose it was. */
export interface NamedLife extends Life {
  model: string;
}

/**
 * What is wrong with the GPUs that trainers were given, by what they wrote down themselves, a sentence each: two at a time on one of them, or
 * two of one training at a time on any.
 */
export function judgeDevices(lives: readonly NamedLife[]): string[] {
  const inTurn = lives.toSorted((one, other) => one.from - other.from);
  return inTurn.flatMap((life, at) =>
    inTurn
      .slice(at + 1)
      .filter((later) => later.from < life.to && isInTheWay(life, later))
      .map((later) => {
        const beside = `${nameOf(later)} ran on GPU ${later.devices.join(',')} beside ${nameOf(life)}`;
        return `${beside} on ${life.devices.join(',')} for ${Math.min(life.to, later.to) - later.from} ms`;
      }),
  );
}

function isInTheWay(one: NamedLife, other: NamedLife): boolean {
  return one.model === other.model || one.devices.some((device) => other.devices.includes(device));
}

function nameOf({ model, attempt }: NamedLife): string {
  return `${model} (attempt ${attempt})`;
}

/** What these trainings still hold or wait for, a sentence each: nothing, once they have ended. */
export async function findLeases(
  { database }: Arena,
  models: readonly string[],
): Promise<string[]> {
  const text = `
    SELECT model || ' still holds GPU ' || device AS left FROM gpu_lease JOIN training_run USING (key) WHERE model = ANY($1)
    UNION ALL SELECT model || ' still waits for GPUs' FROM gpu_wait JOIN training_run USING (key) WHERE model = ANY($1)`;
  const { rows } = await patiently(() => database.pool.query<{ left: string }>(text, [models]));
  return rows.map(({ left }) => left);
}

/** How often these trainings gave way, by the ends of their attempts. */
export async function countYields({ database }: Arena, models: readonly string[]): Promise<number> {
  const text = `SELECT count(*)::int AS times FROM training_run WHERE model = ANY($1) AND outcome @> '{"preempted": true}'`;
  const { rows } = await patiently(() => database.pool.query<{ times: number }>(text, [models]));
  return rows[0]?.times ?? 0;
}
