/** Plots of sweeps: where marks lie, and axes, against an independent computation of the scales. */
import { describe, expect, it } from 'vitest';
import { renderSvg, sweepFigures } from '../../src/report/plots.js';
import { timeAxis, valueAxis } from '../../src/report/plots/axes.js';
import type { CellSummary } from '../../src/sweep/summary.js';
import { ranks, laws, none, cellOf, one, two, broken, svgOf, textsOf } from './support.js';

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
    for (const expected of ['gaussian', 'spectral', 'closed form', 'full fine-tuning', 'time t'])
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
    for (const under of [{ decay: 0.1 }, { coupledDecay: 0.1 }, { lrRatioA: 0 }]) {
      const elsewhere = sweepFigures(cells.map((cell) => ({ ...cell, ...under })));
      const said = textsOf(await svgOf(elsewhere, 'time-to-optimum')).map(({ text }) => text);
      expect(said).toContain('the flow ends elsewhere');
      expect(said).not.toContain('not reached by the end time');
    }
  });

  it('says of full fine-tuning under decay that it has none', () => {
    const captionOf = (cells: readonly CellSummary[]) =>
      sweepFigures(cells).find(({ id }) => id === 'loss')!.caption;
    expect(captionOf(one)).not.toContain('decay');
    expect(captionOf(one.map((cell) => ({ ...cell, decay: 0.1 })))).toContain(
      'Full fine-tuning is the gradient flow of W, without decay.',
    );
  });

  it('stacks only the outcomes that occur, and says what they mean', async () => {
    const svg = await svgOf(sweepFigures(one), 'outcomes');
    const texts = textsOf(svg).map(({ text }) => text);
    expect(texts).toContain('stationary: the speed of the flow fell below the steady-state tolerance');
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
