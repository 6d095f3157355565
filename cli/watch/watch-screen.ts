import { stage as stages, type Stage } from '../../contracts/delivery.js';
import type { DeliveryDetail } from '../../contracts/overview.js';
import type {
  AttemptProgress,
  AttemptView,
  Curve,
  GpuUsage,
} from '../../contracts/training-view.js';
import { drawCurve } from './curve.js';
import { standingOf } from '../evidence-view.js';
import { number } from '../output.js';
import type { ScreenLine } from './screen.js';
import { drawBar } from './stage-bar.js';

const frames = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
const barWidth = 20;
const curveHeight = 6;
/** Of the label left of a curve, its space included. */
const labelWidth = 11;
/** Narrower than this a curve says nothing. */
const narrowest = 30;
const mostGpus = 8;

export interface Watched {
  detail: DeliveryDetail;
  /** The last attempt, while it trains. */
  attempt: AttemptView | null;
  /** Seconds that stages took in earlier deliveries. */
  usual: Partial<Record<Stage, number>>;
  /** Milliseconds since the detail was seen. */
  age: number;
  /** Counts up, for the sign that something moves. */
  frame: number;
  columns: number;
  rows: number;
}

/** What `watch` draws of a running delivery: its stage, the stages to come, and while it trains progress, curve and GPUs. */
export function renderWatch(watched: Watched): ScreenLine[] {
  const { detail, attempt, columns, rows } = watched;
  const training = detail.delivery.stage === 'train' ? attempt : null;
  const lines = [currentLine(watched), ...(training ? gpuLines(training.gpus) : [])];
  const curve = training ? mainCurve(training.curves) : undefined;
  const drawn = curve && columns >= narrowest ? curveLines(curve, columns) : [];
  const coming = comingLines(watched);
  // On a low terminal the curve goes first: it is there to look at, the rest to read.
  const fits = lines.length + coming.length + drawn.length < rows;
  return [...lines, ...(fits ? drawn : []), ...coming];
}

function currentLine({ detail, attempt, usual, age, frame }: Watched): ScreenLine {
  const { stage, seconds } = detail.delivery;
  const elapsed = (seconds[stage] ?? 0) + age / 1_000;
  const expected = usual[stage];
  const progress = stage === 'train' ? attempt?.progress : undefined;
  const share =
    progress?.total != null
      ? progress.step / progress.total
      : expected === undefined || expected === 0
        ? null
        : elapsed / expected;
  const bar = share === null ? '' : `${drawBar(share, barWidth)} `;
  const time = `${length(elapsed)}${expected === undefined ? '' : ` of about ${length(expected)}`}`;
  const turn = frames[frame % frames.length] ?? '';
  const whole = progress?.total == null ? '' : `${number(Math.floor((share ?? 0) * 100))} %`;
  const told = [whole, timeLeft(progress, elapsed), standingOf(detail)]
    .filter((each) => each !== '')
    .join(', ');
  return { text: `${turn} ${stage.padEnd(9)} ${bar}${time}${told === '' ? '' : `  ${told}`}` };
}

/** As the trainer says it, else as the steps so far let expect, once there are enough of them. */
function timeLeft(progress: AttemptProgress | null | undefined, elapsed: number): string {
  if (progress == null) return '';
  const { step, total, remainingSeconds } = progress;
  if (remainingSeconds !== null) return `${length(remainingSeconds)} left`;
  if (total === null || step * 20 < total || step >= total) return '';
  return `about ${length((elapsed / step) * (total - step))} left`;
}

function comingLines({ detail, usual }: Watched): ScreenLine[] {
  const order = stages.options;
  return order.slice(order.indexOf(detail.delivery.stage) + 1).flatMap((stage) => {
    const expected = usual[stage];
    if (expected === undefined || stage === 'done') return [];
    return [
      {
        text: `  ${stage.padEnd(9)} ${drawBar(0, barWidth)} about ${length(expected)}`,
        style: 'dim' as const,
      },
    ];
  });
}

/** What is learnt by is what people look at; else whatever there is. */
function mainCurve(curves: Curve[]): Curve | undefined {
  const moving = curves.filter(({ points }) => points.length > 1);
  return moving.find(({ name }) => /loss/i.test(name)) ?? moving[0];
}

function curveLines({ name, points }: Curve, columns: number): ScreenLine[] {
  const width = Math.min(70, columns - labelWidth - 2);
  const values = points.map(({ value }) => value);
  const [highest, lowest] = [Math.max(...values), Math.min(...values)];
  const rows = drawCurve(points, { width, height: curveHeight });
  const label = (row: number) =>
    row === 0 ? number(highest) : row === curveHeight - 1 ? number(lowest) : '';
  const [first, last] = [points[0], points.at(-1)];
  const ends = `${first?.step ?? ''}`;
  return [
    { text: `  ${name} ${number(last?.value)}`, style: 'bold' },
    ...rows.map((row, at) => ({
      text: `${label(at).padStart(labelWidth - 1)} ${row}`,
      style: 'cyan' as const,
    })),
    {
      text: `${' '.repeat(labelWidth)}${ends}${`${last?.step ?? ''}`.padStart(width - ends.length)}`,
      style: 'dim',
    },
  ];
}

function gpuLines(gpus: GpuUsage[]): ScreenLine[] {
  const lines = gpus.slice(0, mostGpus).map(({ name, ...gpu }) => {
    const told = [
      gpu.utilisation === null ? '' : `${number(Math.round(gpu.utilisation))} % busy`,
      gpu.memoryPeakMib === null ? '' : `${gibibytes(gpu.memoryPeakMib)} GiB at most`,
      gpu.watts === null ? '' : `${number(Math.round(gpu.watts))} W`,
      gpu.joules === null ? '' : `${energy(gpu.joules)}`,
    ].filter((each) => each !== '');
    return { text: `  ${name}  ${told.join(', ')}` };
  });
  const more = gpus.length - lines.length;
  return more > 0 ? [...lines, { text: `  and ${more} more` }] : lines;
}

function gibibytes(mebibytes: number): string {
  return (mebibytes / 1_024).toFixed(1);
}

function energy(joules: number): string {
  return joules < 3_600 ? `${number(Math.round(joules))} J` : `${number(joules / 3.6e6)} kWh`;
}

/** A length of time as people read it. */
function length(seconds: number): string {
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 7_200) return `${Math.round(seconds / 60)} min`;
  return `${number(Math.round(seconds / 360) / 10)} h`;
}
