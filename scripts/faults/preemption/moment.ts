import { setTimeout as sleep } from 'node:timers/promises';
import type { Arena } from '../arena.js';
import { patiently } from '../patience.js';
import type { Moment } from './plan.js';

/** Trainings of a round by their models; more may come. */
export interface Sides {
  lows: string[];
  urgents: string[];
}

const askedToYield = `
  SELECT low.model FROM gpu_lease lease JOIN training_run low USING (key) JOIN training_run urgent ON urgent.key = lease.yield_to
  WHERE low.model = ANY($1::text[]) AND urgent.model = ANY($2::text[])`;
const gaveWay = `
  EXISTS (SELECT 1 FROM training_run WHERE model = ANY($1::text[]) AND outcome @> '{"preempted": true}')`;

/** The training that a moment concerns, which is the one to be struck. */
const questions: Record<Moment, string> = {
  wish: askedToYield,
  stop: `${askedToYield} AND lease.yield_told_at IS NOT NULL`,
  release: `SELECT model FROM training_run WHERE model = ANY($2::text[]) AND outcome IS NULL AND ${gaveWay}`,
  lease: `SELECT model FROM gpu_lease JOIN training_run USING (key) WHERE model = ANY($2::text[]) AND ${gaveWay}`,
};

/** Returns when the moment has come, with the training that it concerns; null when the round was over before. */
export async function awaitMoment(
  { database }: Arena,
  moment: Moment,
  { sides, signal }: { sides: Sides; signal: AbortSignal },
): Promise<string | null> {
  for (; !signal.aborted; await sleep(50)) {
    const { rows } = await patiently(() =>
      database.pool.query<{ model: string }>(questions[moment], [sides.lows, sides.urgents]),
    );
    const [found] = rows;
    if (found) return found.model;
  }
  return null;
}
