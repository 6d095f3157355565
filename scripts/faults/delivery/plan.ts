import { randomFrom, type RandomSource } from '../../../statistics/random.js';

/** What can be hurt. `pipeline` judges the canaries, too; `disk` is the one that all of it lies on. */
export const processes = [
  'pipeline',
  'compute',
  'training',
  'postgres',
  'temporal',
  'api',
  'gateway',
] as const;
export type Target = (typeof processes)[number] | 'disk';

export const stages = [
  'ingest',
  'validate',
  'train',
  'evaluate',
  'register',
  'approve',
  'release',
] as const;
export type FaultStage = (typeof stages)[number];

/** kill −9; a stop of some seconds; connections cut and refused; no space left. */
export type FaultKind = 'kill' | 'freeze' | 'refuse' | 'full';

export interface Fault {
  kind: FaultKind;
  target: Target;
  stage: FaultStage;
  /** Where in the stage it strikes, in [0, 1). */
  moment: number;
}

/** What stands behind a proxy of ours and can be cut off. */
const reachable = ['postgres', 'temporal'] as const;

/** Kills at `count` different pairs; any seven in a row name each process and each stage once. */
export function planKills(seed: number, count: number): Fault[] {
  const random = randomFrom(`faults/kill/${seed}`);
  const rows = shuffled(processes, random);
  const columns = shuffled(stages, random);
  return Array.from({ length: Math.min(count, rows.length * columns.length) }, (_, index) => ({
    kind: 'kill' as const,
    target: pick(rows, index),
    stage: pick(columns, index + Math.floor(index / rows.length)),
    moment: random(),
  }));
}

/** Faults of another kind than a kill, at a stage each that the seed chooses. */
export function planOthers(
  seed: number,
  counts: { freeze: number; refuse: number; full: number },
): Fault[] {
  const random = randomFrom(`faults/others/${seed}`);
  const columns = shuffled(stages, random);
  const victims: Record<'freeze' | 'refuse' | 'full', readonly Target[]> = {
    freeze: shuffled(processes, random),
    refuse: reachable,
    full: ['disk'],
  };
  const kinds = (['refuse', 'freeze', 'full'] as const).flatMap((kind) =>
    Array.from({ length: counts[kind] }, (_, index) => ({
      kind,
      target: pick(victims[kind], index),
    })),
  );
  return kinds.map((each, index) => ({ ...each, stage: pick(columns, index), moment: random() }));
}

function shuffled<T>(items: readonly T[], random: RandomSource): T[] {
  return items
    .map((item) => ({ item, place: random() }))
    .toSorted((a, b) => a.place - b.place)
    .map(({ item }) => item);
}

/** The item at this place, counted round and round. */
function pick<T>(items: readonly T[], index: number): T {
  return items[index % items.length] as T;
}
