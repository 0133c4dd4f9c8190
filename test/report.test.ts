/**
 * Reports are checked by their content: where marks lie against an independent computation of the scales, what
 * the words say, and that values which are not numbers neither crash a report nor appear in it.
 */
import { PassThrough } from 'node:stream';
import { Resvg } from '@resvg/resvg-js';
import { describe, expect, it } from 'vitest';
import { formatNumber } from '../src/report/format.js';
import { simulationHtml, sweepHtml } from '../src/report/html.js';
import { renderPng, renderSvg, simulationFigures, sweepFigures, type Figure } from '../src/report/plots.js';
import { timeAxis, valueAxis } from '../src/report/plots/axes.js';
import { convergenceFigures } from '../src/report/plots/convergence.js';
import { progress } from '../src/report/progress.js';
import { verdict } from '../src/report/findings.js';
import type { SimulationReport } from '../src/simulation/report.js';
import { sweepTable, table } from '../src/report/table.js';
import type { Provenance } from '../src/host/provenance.js';
import { verificationHtml, verificationJson, verificationTable } from '../src/report/verification.js';
import type { CellSummary } from '../src/sweep/summary.js';
import type { Statistic } from '../src/numbers/statistics.js';
import { around as within, atMost, type Finding } from '../src/verify/check.js';

const ranks = [1, 2, 4, 8];
const laws = new Map([
  [1, 0.8],
  [2, 0.4],
  [4, 0.1],
  [8, 0.02],
]);
const none: Statistic = {
  ...{ count: 0, leftOut: 0, mean: NaN, sd: NaN, ciLow: NaN, ciHigh: NaN },
  ...{ p05: NaN, p25: NaN, p50: NaN, p75: NaN, p95: NaN },
};

function around(value: number, count = 32): Statistic {
  return {
    ...{
      count,
      leftOut: 32 - count,
      mean: value * 1.01,
      sd: value * 0.1,
      ciLow: value * 0.98,
      ciHigh: value * 1.04,
    },
    ...{ p05: value * 0.9, p25: value * 0.95, p50: value, p75: value * 1.05, p95: value * 1.1 },
  };
}

function cellOf(rank: number, changes: Partial<CellSummary> = {}): CellSummary {
  const law = laws.get(rank) ?? 0;
  const times = [0, ...Array.from({ length: 30 }, (_, index) => 1e-2 * 1e4 ** (index / 29))];
  return {
    ...{ cell: 0, loss: 'frobenius', target: 'exponential', n: 16, m: 12, rank, initialization: 'gaussian' },
    ...{ scaling: 'none', scale: 1, metric: 'relative error' },
    law: { value: law, name: 'Eckart-Young-Mirsky' },
    optimum: law,
    accuracy: around(law),
    ...{ accuracyBias: null, accuracyFloor: null, zScore: null, zScoreBias: null },
    trials: 32,
    outcomes: {
      'end-time': 4,
      stationary: 28,
      diverged: 0,
      'step-too-small': 0,
      'step-budget': 0,
      'loss-not-finite': 0,
    },
    stationarity: { optimum: 28, short: 0, saddle: 0, floor: 0, moving: 4, unknown: 0 },
    nearSaddles: 0,
    timeToOptimumAfter: around(2.5 * rank, 28),
    timeToOptimumBy: around(3 * rank, 28),
    steps: around(100),
    curve: times.map((time) => ({
      time,
      loss: around(law + Math.exp(-time)),
      closedForm: law + Math.exp(-time),
      fullFineTuning: Math.exp(-2 * time),
    })),
    ...changes,
  };
}

const one = ranks.map((rank) => cellOf(rank));
const two = ['gaussian', 'spectral'].flatMap((initialization) =>
  ranks.map((rank) => cellOf(rank, { initialization })),
);
const broken = ranks.map((rank) =>
  cellOf(rank, {
    ...{
      accuracy: none,
      timeToOptimumAfter: none,
      timeToOptimumBy: none,
      law: rank === 4 ? null : { value: 0, name: 'zero' },
    },
    optimum: null,
    outcomes: {
      'end-time': 0,
      stationary: 0,
      diverged: 32,
      'step-too-small': 0,
      'step-budget': 0,
      'loss-not-finite': 0,
    },
    zScore: NaN,
    curve: [{ time: 0, loss: none, closedForm: null, fullFineTuning: 0 }],
  }),
);

const provenance: Provenance = {
  ...{
    rankflow: '0.1.0',
    commit: null,
    tfjs: '4.22.0',
    runtime: 'Node.js v20',
    backend: 'wasm',
    device: 'a <b>CPU</b>',
  },
  ...{
    precision: 'float32',
    startedAt: '2026-01-01T00:00:00Z',
    seed: 7,
    config: { target: '</pre><script>' },
  },
};

function simulationOf(trials: number): SimulationReport {
  const times = Array.from({ length: 300 }, (_, index) => index / 10);
  const values = (top: number) => times.map((time) => [top * (1 - Math.exp(-time)), 1 - Math.exp(-time / 2)]);
  const loss = times.map((time) => 0.5 + Math.exp(-time));
  return {
    ...{ title: 'One <script> of many', provenance, times, rank: 2, optimum: 0.5, excessFloor: 1e-12 },
    trials: Array.from({ length: trials }, (_, trial) => ({
      trial,
      outcome: trial % 2 === 0 ? 'stationary' : 'end-time',
      stationarity: trial % 2 === 0 ? 'optimum' : 'moving',
      loss,
      excess: times.map((time) => (time > 20 ? 0 : Math.exp(-time))),
      gradientNorm: times.map((time) => Math.exp(-time)),
      balancedness: times.map(() => 0),
      singularValues: values(2),
    })),
    closedForm: { name: 'exact path', loss, singularValues: values(2) },
    fullFineTuningEnd: null,
    fullFineTuningLoss: times.map((time) => 1.5 * Math.exp(-time)),
    targetSingularValues: [2, 1, 0.5],
  };
}

async function svgOf(figures: readonly Figure[], id: string): Promise<string> {
  const figure = figures.find((each) => each.id === id);
  if (!figure) throw new Error(`no figure ${id}`);
  return renderSvg(figure.spec);
}

/** The text elements of an SVG, with where they stand in their own group. */
function textsOf(svg: string): { text: string; x: number; y: number }[] {
  return [...svg.matchAll(/<text[^>]*translate\(([-\d.e]+),([-\d.e]+)\)[^>]*>([^<]*)<\/text>/g)].map(
    ([, x, y, text]) => ({ text: text ?? '', x: Number(x), y: Number(y) }),
  );
}

describe('sweep plots', () => {
  it('puts the points of the law where the logarithms say', async () => {
    const svg = await svgOf(sweepFigures(one), 'accuracy');
    const texts = textsOf(svg);
    // Marks of the law are the squares of the larger size; those of the legend are smaller.
    const squares =
      /translate\(([-\d.]+),([-\d.]+)\)" d="M-6\.519,-6\.519h13\.038v13\.038h-13\.038Z" stroke="#222222"/g;
    const points = [...svg.matchAll(squares)].map(([, x, y]) => ({ x: Number(x), y: Number(y) }));
    expect(points).toHaveLength(ranks.length);
    const heightOf = (label: string) => texts.find(({ text }) => text === label)?.y ?? NaN;
    const decade = heightOf('10⁻²') - heightOf('10⁻¹');
    ranks.forEach((rank, index) => {
      const x = (580 * (Math.log2(rank) + 0.35)) / (Math.log2(8) + 0.7);
      const fromBottom = decade * (Math.log10(laws.get(rank) ?? 0) + 2);
      expect(points[index]?.x).toBeCloseTo(x, 6);
      expect(points[index]?.y).toBeCloseTo(340 - fromBottom, 6);
      expect(texts.find(({ text }) => text === String(rank))?.x).toBeCloseTo(x, 6);
    });
  });

  it('names the axes, the series and the kinds of mark', async () => {
    const texts = textsOf(await svgOf(sweepFigures(two), 'accuracy')).map(({ text }) => text);
    for (const expected of ['rank r', 'relative error', 'gaussian', 'spectral', 'law'])
      expect(texts).toContain(expected);
    expect(textsOf(await svgOf(sweepFigures(one), 'accuracy')).map(({ text }) => text)).not.toContain(
      'gaussian',
    );
  });

  it('draws a law that all series share once, and laws that differ each in its own colour', async () => {
    const line = /<path d="M[^"]*L[^"]*" stroke="([^"]+)" stroke-width="1\.5"/g;
    const colours = async (cells: readonly CellSummary[]) =>
      [...(await svgOf(sweepFigures(cells), 'accuracy')).matchAll(line)].map(([, colour]) => colour);
    expect(await colours(two)).toEqual(['#222222']);
    const apart = two.map((cell) =>
      cell.initialization === 'spectral' ? { ...cell, law: { value: 0.5 / cell.rank, name: 'other' } } : cell,
    );
    expect(await colours(apart)).toEqual(['#0072B2', '#D55E00']);
  });

  it('draws each rank, the closed form dashed, and full fine-tuning once, in a panel per series', async () => {
    const svg = await svgOf(sweepFigures(two), 'loss');
    const paths = (attributes: string) =>
      svg.split('<path ').filter((path) => path.includes(attributes)).length;
    // One more of each for the legend.
    expect(paths('stroke-width="2.5"')).toBe(2 * ranks.length);
    expect(paths('stroke-dasharray="6,4"')).toBe(2 * ranks.length + 1);
    expect(svg.match(/stroke="#8a8a8a"/g)).toHaveLength(2 + 1);
    const texts = textsOf(svg).map(({ text }) => text);
    for (const expected of [
      'gaussian',
      'spectral',
      'closed form',
      'full fine-tuning',
      'time t (gradient-flow units)',
    ])
      expect(texts).toContain(expected);
    expect(texts).toContain('optimum');
    const unknown = one.map((cell) => ({ ...cell, optimum: null }));
    expect(textsOf(await svgOf(sweepFigures(unknown), 'loss')).map(({ text }) => text)).not.toContain(
      'optimum',
    );
  });

  it('says where nobody arrived, and how many did elsewhere', async () => {
    const cells = one.map((cell) =>
      cell.rank === 8 ? { ...cell, timeToOptimumAfter: none, timeToOptimumBy: none } : cell,
    );
    const figures = sweepFigures(cells);
    const texts = textsOf(await svgOf(figures, 'time-to-optimum')).map(({ text }) => text);
    expect(texts.filter((text) => text === 'not reached by the end time')).toHaveLength(1);
    expect(texts.filter((text) => text === '28/32')).toHaveLength(3);
    expect(figures.find(({ id }) => id === 'time-to-optimum')?.caption).toContain('84 of 128 trajectories');
  });

  it('stacks only the outcomes that occur, and says what they mean', async () => {
    const svg = await svgOf(sweepFigures(one), 'outcomes');
    const texts = textsOf(svg).map(({ text }) => text);
    expect(texts).toContain('stationary: the gradient norm fell below the steady-state tolerance');
    expect(texts).toContain('end-time: reached the end time before it became stationary');
    expect(texts.some((text) => text.startsWith('diverged'))).toBe(false);
    const heights = [
      ...svg.matchAll(/<path d="M[-\d.,]+h[\d.]+v([\d.]+)h[-\d.]+Z" fill="#(0072B2|E69F00)"/g),
    ];
    expect(heights.map(([, height]) => Number(height)).sort((a, b) => a - b)).toEqual(
      [28, 4].flatMap((count) => ranks.map(() => (220 * count) / 32)).sort((a, b) => a - b),
    );
  });

  it('draws a figure per metric', () => {
    const cells = [...one, ...one.map((cell) => ({ ...cell, loss: 'trace', metric: 'loss' as const }))];
    expect(sweepFigures(cells).map(({ id }) => id)).toEqual(
      expect.arrayContaining(['accuracy', 'accuracy-2', 'loss']),
    );
  });

  it('survives cells without a single finite value, many ranks, and no cells', async () => {
    const wide = Array.from({ length: 32 }, (_, index) => cellOf(index + 1));
    for (const cells of [broken, one.slice(0, 1), wide, []])
      for (const { spec, caption } of sweepFigures(cells))
        expect((await renderSvg(spec)) + caption).not.toMatch(/NaN|undefined|Infinity/);
  });
});

describe('axes', () => {
  it('keep what is not positive on the floor of a log axis, and say so', () => {
    const axis = valueAxis([0, 1e-5, NaN, 1], 'loss');
    expect(axis.scale).toMatchObject({ type: 'log', domain: [1e-5, 1.5] });
    expect([0, 1e-3, NaN, null].map(axis.place)).toEqual([1e-5, 1e-3, null, null]);
    expect([0, 1e-3].map(axis.within)).toEqual([null, 1e-3]);
    expect(axis.note).toContain('10⁻⁵');
  });

  it('are linear over a narrow range and where there is nothing', () => {
    expect(valueAxis([1, 3], 'loss').scale).toMatchObject({ type: 'linear', domain: [0, 3] });
    expect(valueAxis([NaN], 'loss').scale).toMatchObject({ type: 'linear', domain: [0, 1] });
  });

  it('of time are logarithmic for geometric save points alone', () => {
    const even = Array.from({ length: 50 }, (_, index) => index);
    expect(timeAxis(even).scale.type).toBe('linear');
    expect(timeAxis(even.map((k) => (k === 0 ? 0 : 1.3 ** k))).scale.type).toBe('log');
  });
});

describe('simulation plots', () => {
  it('draw every trial and the theory over it', async () => {
    const figures = simulationFigures(simulationOf(3));
    expect(figures.map(({ id }) => id)).toEqual([
      ...['loss', 'excess', 'singular-values', 'gradient-norm', 'balancedness'],
    ]);
    const svg = await svgOf(figures, 'loss');
    const texts = textsOf(svg).map(({ text }) => text);
    for (const expected of ['exact path', 'full fine-tuning', 'optimum of rank 2', 'trial, stationary'])
      expect(texts).toContain(expected);
    expect(svg.match(/stroke="#0072B2"/g)).toHaveLength(2 + 1);
    const values = await svgOf(figures, 'singular-values');
    expect(textsOf(values).map(({ text }) => text)).toEqual(expect.arrayContaining(['σ₁', 'σ₂', 'target']));
    expect(values.match(/stroke-dasharray="2,3"/g)).toHaveLength(2 + 1);
    for (const { spec } of figures) expect(await renderSvg(spec)).not.toContain('NaN');
  });

  it('thin out many trials and many times, and say so', () => {
    const [loss] = simulationFigures(simulationOf(200));
    expect(loss?.caption).toContain('64 of 200 trials');
    expect(loss?.caption).toContain('240 of 300 times');
  });
});

const plotless: Finding = {
  ...{ id: 'schemes/order', claim: 'the error falls with the order <4>', source: 'Butcher 2016' },
  ...{ backend: 'host', measured: 4.01, allowed: within(4, 0.2, 'the next order'), where: 'frobenius 7 x 4' },
  pass: true,
};
const steps = [0.1, 0.01, 0.001];
const finding: Finding = {
  ...plotless,
  plot: {
    ...{ title: 'Error against step', xTitle: 'step h', yTitle: 'error' },
    curves: [
      { name: 'rk4', points: steps.map((h) => [h, h ** 4]) },
      { name: 'bosh3', points: steps.map((h) => [h, h ** 3]) },
    ],
  },
};
const broke: Finding = {
  ...plotless,
  ...{ id: 'flow/autodiff', backend: 'wasm', measured: NaN, where: 'it failed: <lost>', pass: false },
  allowed: { from: NaN, to: Infinity, reason: 'a measurement' },
};
const small: Finding = { ...plotless, measured: 1e-9, allowed: atMost(1e-8, 'rounding') };

describe('verification', () => {
  it('draws every finding with curves where the logarithms say', async () => {
    const [figure, ...others] = convergenceFigures(finding);
    expect(others).toEqual([]);
    expect(convergenceFigures(small)).toEqual([]);
    expect(figure).toMatchObject({ id: 'schemes-order-host', heading: 'Error against step, host' });
    const svg = await renderSvg(figure!.spec);
    const texts = textsOf(svg).map(({ text }) => text);
    for (const text of ['rk4', 'bosh3', 'step h', 'error', 'host']) expect(texts).toContain(text);
    const lines = [...svg.matchAll(/<path[^>]*d="(M[^"]*)"[^>]*stroke="#(?:0072B2|D55E00)"[^>]*>/g)]
      .map(([, d]) =>
        [...d!.matchAll(/([-\d.]+),([-\d.]+)/g)].map(([, x, y]) => [Number(x), Number(y)] as const),
      )
      .filter((points) => points.length === 3);
    expect(lines).toHaveLength(2);
    // Decades are equally wide, and the curve of order 4 is 4/3 as steep as that of order 3.
    const slopes = lines.map((points) =>
      [0, 1].map((i) => (points[i + 1]![1] - points[i]![1]) / (points[i + 1]![0] - points[i]![0])),
    );
    for (const [one, two] of slopes) expect(one! / two!).toBeCloseTo(1, 3);
    expect(slopes[0]![0]! / slopes[1]![0]!).toBeCloseTo(4 / 3, 3);
  });

  it('draws what is zero or no number without a warning', async () => {
    const curves = [
      {
        name: 'only',
        points: [
          [1e-3, 0],
          [1e-4, NaN],
          [1e-5, 1e-6],
        ] as const,
      },
      { name: 'none', points: [] },
    ];
    for (const some of [curves, []])
      for (const { spec } of convergenceFigures({ ...finding, plot: { ...finding.plot!, curves: some } }))
        expect(await renderSvg(spec)).not.toMatch(/NaN|undefined/);
  });

  it('has a page with the verdict, the plots, and failures marked in words and colour', async () => {
    const page = await verificationHtml('Verification', provenance, [finding, broke, small]);
    expect(page).toContain('<p class="summary">2 of 3 checks pass. Failed: flow/autodiff on wasm.</p>');
    expect(page.match(/<figure id=/g)).toHaveLength(1);
    expect(page).not.toMatch(/https?:\/\/|<script|<lost>|<4>|NaN|undefined/);
    const rows = (/<tbody>([\s\S]*?)<\/tbody>/.exec(page)?.[1] ?? '').match(/<tr[^>]*>.*?<\/tr>/gs) ?? [];
    expect(rows).toHaveLength(3);
    expect(rows.map((row) => [row.includes('class="marked"'), row.includes('FAIL')])).toEqual([
      [false, false],
      [true, true],
      [false, false],
    ]);
    expect(rows[1]).toContain('it failed: &lt;lost&gt;');
  });

  it('has a table that fits the width and loses no word', () => {
    for (const width of [80, 110, 160]) {
      const text = verificationTable([finding, broke, small], width);
      for (const line of text.split('\n')) expect(line.length).toBeLessThanOrEqual(width);
      const words = text.replaceAll(/[^\w./<>-]+/g, ' ');
      for (const word of ['schemes/order', '<4>', 'Butcher', 'host', '4.010', 'frobenius', 'FAIL', '3.800'])
        expect(words).toContain(word);
      expect(text.split('\n').at(-1)).toBe(verdict([finding, broke, small]));
    }
    expect(verificationTable([small], 110)).toContain('at most 1.000e-8');
    expect(verificationTable([broke], 80)).not.toContain('NaN');
    expect(verdict([finding, small])).toBe('2 of 2 checks pass.');
  });

  it('is JSON without numbers that JSON lacks', () => {
    const [first, second] = JSON.parse(verificationJson([finding, broke]));
    expect(first).toEqual(
      Object.fromEntries(
        ['id', 'claim', 'source', 'backend', 'measured', 'allowed', 'where', 'pass'].map((key) => [
          key,
          finding[key as keyof Finding],
        ]),
      ),
    );
    expect(second).toMatchObject({ measured: null, allowed: { from: null, to: null }, pass: false });
  });
});

describe('PNG', () => {
  it('is a PNG with its text set in the bundled fonts', async () => {
    const svg = await svgOf(sweepFigures(one), 'accuracy');
    const png = renderPng(svg);
    expect([...png.subarray(0, 8)]).toEqual([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
    const width = Number(/<svg[^>]* width="(\d+)"/.exec(svg)?.[1]);
    expect(new DataView(png.buffer, png.byteOffset).getUint32(16)).toBe(2 * width);
    const options = { background: 'white', fitTo: { mode: 'zoom' as const, value: 2 } };
    const bare = new Resvg(svg, { ...options, font: { loadSystemFonts: false } }).render().asPng();
    expect(png.length).toBeGreaterThan(bare.length + 4000);
  });
});

describe('HTML', () => {
  const title = 'Sweep <script>alert("x")</script> & more';

  it('is one page without scripts or anything to load, with hostile text escaped', async () => {
    const pages = [
      await sweepHtml({ title, provenance, cells: two }),
      await simulationHtml(simulationOf(2)),
      await sweepHtml({ title, provenance, cells: [] }),
    ];
    for (const page of pages) {
      expect(page).not.toMatch(/https?:\/\/|<script|<link|@import|url\(|<iframe|\son\w+=/);
      expect(page).toContain('a &lt;b&gt;CPU&lt;/b&gt;');
      expect(page).toContain('&lt;/pre&gt;&lt;script&gt;');
      expect(page.match(/<svg/g)?.length ?? 0).toBe(
        page.match(/<svg role="img" aria-label="[^"]+"/g)?.length ?? 0,
      );
    }
    expect(pages[0]).toContain('<h1>Sweep &lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt; &amp; more</h1>');
  });

  it('has a row for every cell, with the columns of the terminal table', async () => {
    const page = await sweepHtml({ title, provenance, cells: two });
    const body = /<tbody>([\s\S]*?)<\/tbody>/.exec(page)?.[1] ?? '';
    expect(body.match(/<tr>/g)).toHaveLength(two.length);
    for (const { rank, initialization, accuracy } of two)
      expect(body).toMatch(
        new RegExp(
          `<td>${initialization}</td><td class="number">${rank}</td>.*>${formatNumber(accuracy.mean)}<`,
        ),
      );
    expect(page).toContain('32 of 256 trajectories had not become stationary by the end time');
    expect(page.match(/<figure id=/g)).toHaveLength(4);
  });

  it('shows a dash for what is not a number', async () => {
    const page = await sweepHtml({ title, provenance, cells: broken });
    expect(page).not.toMatch(/NaN|undefined/);
    expect(page).toContain('<td class="number">-</td>');
  });
});

describe('tables', () => {
  it('are stable and flag trajectories that had not become stationary', () => {
    const cells = two
      .slice(2, 6)
      .map((cell, index) => (index === 0 ? { ...cell, zScore: -0.123, accuracy: none } : cell));
    expect(`\n${sweepTable(cells)}\n`).toMatchInlineSnapshot(`
      "
      ┌────────────────┬──────┬─────────┬────────────────┬────────────────────┬────────────────────────────┬─────────┬───────────────────────────┐
      │ initialization │ rank │     law │ simulated mean │            95 % CI │         median [5 %, 95 %] │ z-score │ outcomes                  │
      ├────────────────┼──────┼─────────┼────────────────┼────────────────────┼────────────────────────────┼─────────┼───────────────────────────┤
      │ gaussian       │    4 │  0.1000 │              - │                  - │                          - │   -0.12 │ 28 stationary, 4 end-time │
      │ gaussian       │    8 │ 0.02000 │        0.02020 │ [0.01960, 0.02080] │ 0.02000 [0.01800, 0.02200] │       - │ 28 stationary, 4 end-time │
      │ spectral       │    1 │  0.8000 │         0.8080 │   [0.7840, 0.8320] │    0.8000 [0.7200, 0.8800] │       - │ 28 stationary, 4 end-time │
      │ spectral       │    2 │  0.4000 │         0.4040 │   [0.3920, 0.4160] │    0.4000 [0.3600, 0.4400] │       - │ 28 stationary, 4 end-time │
      └────────────────┴──────┴─────────┴────────────────┴────────────────────┴────────────────────────────┴─────────┴───────────────────────────┘
      Values are of: relative error.
      Law: Eckart-Young-Mirsky.
      z-score: of the mean square against the squared law, in standard errors.
      end-time: 16 of 128 trajectories had not become stationary by the end time; their error is that at the end time.
      "
    `);
  });

  it('say nothing of the end time when every trajectory is stationary', () => {
    const outcomes = { ...one[0]?.outcomes, 'end-time': 0, stationary: 32 } as CellSummary['outcomes'];
    const text = sweepTable(one.map((cell) => ({ ...cell, outcomes })));
    expect(text).not.toContain('end-time');
    expect(text).not.toContain('z-score');
    expect(text).not.toContain('initialization');
  });

  it('name stationary trajectories that stopped above the optimum', () => {
    const stationarity = { ...one[0]!.stationarity, optimum: 24, saddle: 3, short: 1 };
    const cells = one.map((cell) => (cell.rank === 2 ? { ...cell, stationarity } : cell));
    expect(sweepTable(one)).not.toMatch(/saddle|short/);
    expect(sweepTable(cells)).toContain('28 stationary (3 at a saddle, 1 short), 4 end-time');
    expect(sweepTable(cells)).toContain('saddle: 3 of 112 stationary trajectories');
    expect(sweepTable(cells)).toContain('short: 1 of 112 stationary trajectories');
  });

  it('show a dash for what is not a number, and count the diverged', () => {
    const text = sweepTable(broken);
    expect(text).not.toContain('NaN');
    expect(text).toContain(
      'diverged: 128 of 128 trajectories (the state, or its norm squared, left the range of its precision).',
    );
  });

  it('tell apart cells that differ in alpha alone', () => {
    const cells = [8, 16].map((alpha) => cellOf(4, { scaling: 'lora', scale: alpha / 4 }));
    expect(sweepTable(cells)).toContain('alpha');
  });

  it('of other things need no cells', () => {
    expect(table(['name', 'size'], [['a', '1']], [false, true])).toContain('│ a    │    1 │');
  });

  it('write numbers with four significant digits', () => {
    const values = [0, 1, 0.00012345, 9999.4, 9999.9, 12340, -0.5, NaN, Infinity, null];
    expect(values.map(formatNumber)).toEqual([
      ...['0', '1.000', '1.234e-4', '9999', '1.000e+4', '1.234e+4', '-0.5000', '-', '-', '-'],
    ]);
  });
});

describe('progress', () => {
  function capture(isTTY: boolean) {
    const stream = Object.assign(new PassThrough(), { isTTY, columns: 100 }) as unknown as NodeJS.WriteStream;
    const text = () => String((stream as unknown as PassThrough).read() ?? '');
    return { stream, text };
  }

  it('writes one line per tenth where there is no terminal', () => {
    const { stream, text } = capture(false);
    const shown = progress(1000, 'trajectories', stream);
    for (let done = 0; done <= 1000; done += 10) shown.update(done);
    shown.stop();
    const lines = text().trimEnd().split('\n');
    expect(lines).toHaveLength(10);
    expect(lines[9]).toMatch(/^100 % \(1,000\/1,000 trajectories, [\d.,]+ trajectories\/s\)$/);
  });

  it('draws a bar with rate and time left on a terminal', () => {
    const { stream, text } = capture(true);
    const shown = progress(100, 'trajectories', stream);
    shown.update(50);
    shown.stop();
    expect(text()).toMatch(/50 % \| 50\/100 trajectories \| [\d.,]+ trajectories\/s \| .* left/);
  });
});
