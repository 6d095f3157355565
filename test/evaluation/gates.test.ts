import { describe, expect, it } from 'vitest';
import { modelSpec, type ModelSpec } from '../../contracts/spec.js';
import { judgeGates, overallVerdict } from '../../evaluation/gates.js';
import { judgeAdvantage, rowsNeeded } from '../../evaluation/gates/non-inferiority.js';
import { buildReport } from '../../evaluation/report.js';
import { cutSlices } from '../../evaluation/slices.js';
import { randomFrom } from '../../statistics/random.js';

const identity = {
  model: 'flight-delay',
  modelSha256: 'a'.repeat(64),
  championSha256: null,
  holdoutSha256: 'b'.repeat(64),
};

function policy(overrides: Partial<ModelSpec['evaluation']> = {}): ModelSpec['evaluation'] {
  const defaults = modelSpec.shape.evaluation.parse({});
  return { ...defaults, ...overrides };
}

/** Labels drawn from their own scores; `blur` mixes noise into a model's answers, at the rows that `where` picks. */
function drawRows(rows: number, seed: string) {
  const random = randomFrom(seed);
  const truth = Float64Array.from({ length: rows }, () => 0.05 + 0.5 * random());
  const labels = Uint8Array.from(truth, (score) => (random() < score ? 1 : 0));
  const origin = Array.from({ length: rows }, (_, row) => ['ATL', 'ORD', 'DEN'][row % 3] ?? '');
  const blur = (weight: number, where: (row: number) => boolean = () => true) =>
    truth.map((score, row) => (where(row) ? (1 - weight) * score + weight * random() : score));
  return { truth, labels, columns: { origin }, blur };
}

describe('judgeGates', () => {
  it('without a champion judges the rows and the bars only, and the report says so', () => {
    const { truth, labels, columns } = drawRows(2_000, 'first');
    const report = buildReport(policy({ bars: { roc_auc: { atLeast: 0.6 } } }), identity, {
      columns,
      labels,
      challenger: truth,
      champion: null,
    });
    expect(report.gates.map(({ name }) => name)).toEqual(['rows', 'bar:roc_auc:atLeast']);
    expect(report.verdict).toBe('pass');
    expect(report.championMetrics).toBeNull();
    expect(report.summary).toContain('there is no champion yet');
  });

  it.each([
    ['pass', 0.55],
    ['inconclusive', 0.69],
    ['fail', 0.95],
  ] as const)('a bar is %s when the area is about 0.69 and it asks for %f', (verdict, atLeast) => {
    const { truth, labels } = drawRows(1_000, 'bar');
    const gates = judgeGates(policy({ bars: { roc_auc: { atLeast } } }), {
      labels,
      challenger: truth,
      champion: null,
      slices: [],
    });
    expect(gates.at(-1)?.verdict).toBe(verdict);
  });

  it('an upper bar on a loss points the other way', () => {
    const { truth, labels } = drawRows(1_000, 'upper');
    const judge = (atMost: number) =>
      judgeGates(policy({ bars: { brier: { atMost } } }), {
        labels,
        challenger: truth,
        champion: null,
        slices: [],
      }).at(-1)?.verdict;
    expect([judge(0.4), judge(0.05)]).toEqual(['pass', 'fail']);
  });

  it('too few rows, and rows of one class, are inconclusive and never a pass', () => {
    const { truth, labels } = drawRows(200, 'few');
    const judge = (given: Uint8Array, minimumRows: number) =>
      overallVerdict(
        judgeGates(policy({ minimumRows }), {
          labels: given,
          challenger: truth,
          champion: null,
          slices: [],
        }),
      );
    expect(judge(labels, 500)).toBe('inconclusive');
    expect(judge(new Uint8Array(200), 100)).toBe('inconclusive');
    expect(judge(labels, 100)).toBe('pass');
  });

  it('passes an equal challenger, fails a much worse one, and leaves a doubtful one open with the rows it takes', () => {
    const { truth, labels, blur } = drawRows(4_000, 'champion');
    const judge = (challenger: Float64Array, margin: number) =>
      judgeGates(policy({ margin }), {
        labels,
        challenger,
        champion: { scores: truth },
        slices: [],
      }).at(-1);
    expect(judge(truth.slice(), 0.01)?.verdict).toBe('pass');
    expect(judge(blur(0.8), 0.01)?.verdict).toBe('fail');
    const doubtful = judge(blur(0.08), 0.002);
    expect(doubtful?.verdict).toBe('inconclusive');
    expect(doubtful?.reason).toMatch(/About [\d,]+ rows|a person should decide/);
  });

  it('says why a champion could not be compared and leaves the answer open', () => {
    const { truth, labels } = drawRows(1_000, 'incomparable');
    const [, finding] = judgeGates(policy(), {
      labels,
      challenger: truth,
      champion: { incomparable: 'it reads carrier.' },
      slices: [],
    });
    expect(finding).toMatchObject({ verdict: 'inconclusive', name: 'champion:roc_auc' });
    expect(finding?.reason).toContain('it reads carrier');
  });
});

describe('slices', () => {
  it('fail at the value where the challenger is much worse and name it', () => {
    const { truth, labels, columns, blur } = drawRows(6_000, 'slices');
    const challenger = blur(0.9, (row) => columns.origin[row] === 'DEN');
    const rows = { columns, labels, challenger, champion: truth };
    const findings = judgeGates(policy({ margin: 0.2, slices: ['origin'] }), {
      labels,
      challenger,
      champion: { scores: truth },
      slices: cutSlices(['origin'], rows),
    });
    const slice = findings.find(({ name }) => name === 'slice:origin');
    expect(slice?.verdict).toBe('fail');
    expect(slice?.reason).toContain('at DEN');
    expect(findings.find(({ name }) => name === 'champion:roc_auc')?.verdict).toBe('pass');
  });

  it('that are all too small are inconclusive', () => {
    const { truth, labels, columns } = drawRows(90, 'small');
    const rows = { columns, labels, challenger: truth, champion: truth };
    const [finding] = judgeGates(policy({ slices: ['origin'] }), {
      labels,
      challenger: truth,
      champion: { scores: truth },
      slices: cutSlices(['origin'], rows),
    }).slice(-1);
    expect(finding).toMatchObject({ name: 'slice:origin', verdict: 'inconclusive' });
  });

  it('keep every row exactly once', () => {
    const { truth, labels, columns } = drawRows(100, 'partition');
    const slices = cutSlices(['origin'], { columns, labels, challenger: truth, champion: null });
    const scores = slices.flatMap(({ challenger }) => [...challenger]).toSorted();
    expect(scores).toEqual([...truth].toSorted());
  });
});

describe('judgeAdvantage', () => {
  it('asks for the rows of the published formula', () => {
    // (1.6449 + 0.8416)^2 * variance / margin^2 with variance 0.1 and margin 0.01: an equal model then passes with 80 %.
    const advantage = { value: 0, error: Math.sqrt(0.1 / 1_000), lower: 0, upper: 0, rows: 1_000 };
    expect(rowsNeeded(advantage, 0.01)).toBe(6_183);
  });

  it('lets a challenger at the margin pass about one time in twenty', () => {
    const random = randomFrom('margin');
    let passed = 0;
    const runs = 2_000;
    for (let run = 0; run < runs; run += 1) {
      const error = 0.004;
      // Sum of twelve uniforms less six: normal enough for the 5 % point.
      const noise = Array.from({ length: 12 }, random).reduce((sum, each) => sum + each, -6);
      const value = -0.01 + error * noise;
      const half = 1.6448536269514722 * error;
      const estimate = { value, error, lower: value - half, upper: value + half, rows: 1_000 };
      if (judgeAdvantage('roc_auc', estimate, 0.01, 1_000).verdict === 'pass') passed += 1;
    }
    expect(passed / runs).toBeGreaterThan(0.03);
    expect(passed / runs).toBeLessThan(0.065);
  });
});

describe('buildReport', () => {
  it('gives the same report for the same rows and counts every row in the calibration', () => {
    const { truth, labels, columns, blur } = drawRows(1_003, 'report');
    const rows = { columns, labels, challenger: truth, champion: { scores: blur(0.3) } };
    const first = buildReport(policy({ slices: ['origin'] }), identity, rows);
    expect(buildReport(policy({ slices: ['origin'] }), identity, rows)).toEqual(first);
    expect(first.calibration.reduce((sum, bin) => sum + bin.rows, 0)).toBe(1_003);
    expect(first.slices).toHaveLength(3);
    expect(JSON.parse(JSON.stringify(first))).toEqual(first);
  });
});

describe('overallVerdict', () => {
  it('is the worst: fail before error before inconclusive before pass', () => {
    const { labels, truth } = drawRows(1_000, 'overall');
    const [finding] = judgeGates(policy(), {
      labels,
      challenger: truth,
      champion: null,
      slices: [],
    });
    if (!finding) throw new Error('There is always a finding about the rows');
    const of = (...verdicts: (typeof finding.verdict)[]) =>
      overallVerdict(verdicts.map((verdict) => ({ ...finding, verdict })));
    expect(of('pass', 'inconclusive', 'error', 'fail')).toBe('fail');
    expect(of('pass', 'inconclusive', 'error')).toBe('error');
    expect(of('pass', 'inconclusive')).toBe('inconclusive');
    expect(of('pass')).toBe('pass');
  });
});
