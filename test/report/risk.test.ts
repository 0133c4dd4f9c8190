/** What reports of sweeps with noise draw and say, against the numbers that their cells were made of. */
import { describe, expect, it } from 'vitest';
import { simulationHtml, sweepHtml } from '../../src/report/html.js';
import { renderSvg, simulationFigures, sweepFigures } from '../../src/report/plots.js';
import { bestStop, withRisk } from '../../src/report/risk.js';
import { riskAnswers, simulationAnswers } from '../../src/report/riskWords.js';
import { sweepTable } from '../../src/report/table.js';
import type { CellSummary } from '../../src/sweep/summary.js';
import {
  cellOf,
  noisy,
  noisyCellOf,
  noisyRanks,
  noisyRisk,
  noisySimulationOf,
  none,
  provenance,
  simulationOf,
  svgOf,
  textsOf,
} from './support.js';

const two = ['kaiming', 'spectral'].flatMap((initialization) =>
  noisyRanks.map((rank) => noisyCellOf(rank, { initialization })),
);

/** The same cells of a single draw, whose interval is NaN. */
const single = noisyRanks.map((rank) => {
  const cell = noisyCellOf(rank, { draws: 1 });
  const first = (risks: readonly number[]) => risks.slice(1, 2);
  return {
    ...cell,
    riskByDraw: first(cell.riskByDraw),
    curve: cell.curve.map((point) => ({ ...point, riskByDraw: first(point.riskByDraw) })),
  };
});

const failed = noisyRanks.map((rank) =>
  noisyCellOf(rank, {
    ...{ risk: none, riskRelative: none, riskByDraw: [NaN, NaN, NaN, NaN] },
    curve: noisyCellOf(rank).curve.map((point) => ({
      ...point,
      risk: none,
      riskByDraw: [NaN, NaN, NaN, NaN],
    })),
  }),
);

/** Where circles of an area stand that are filled or drawn in a colour, in pixels. */
const circlesOf = (svg: string, area: number, colour: string) =>
  [
    ...svg.matchAll(
      new RegExp(
        `translate\\(([-\\d.]+),([-\\d.]+)\\)" d="M${(Math.sqrt(area) / 2).toFixed(3)},0A[^"]*" (?:fill|stroke)="${colour}"`,
        'g',
      ),
    ),
  ].map(([, x, y]) => ({ x: Number(x), y: Number(y) }));

/** Place of a rank on the axis of `noisyRanks`, 580 pixels wide. */
const placeOf = (rank: number) =>
  (580 * (Math.log2(rank / 4) + 0.35)) / (Math.log2(noisyRanks.at(-1)! / 4) + 0.7);

describe('the risk of a sweep', () => {
  const best = withRisk(noisy).map((cell) => bestStop(cell)!);

  it('is least at the save time of its least mean', () => {
    noisyRanks.forEach((rank, i) => {
      const risks = noisy[i]!.curve.map(({ time }) => noisyRisk(rank, time));
      expect(best[i]!.risk.mean).toBeCloseTo(Math.min(...risks), 12);
      expect(best[i]!.time).toBe(noisy[i]!.curve[risks.indexOf(Math.min(...risks))]!.time);
    });
    expect(best[3]!.time).toBeLessThan(best[1]!.time);
  });

  it('is not there where training sees its target, nor where all trials failed', () => {
    expect(withRisk([cellOf(1)])).toEqual([]);
    expect(sweepFigures([cellOf(1)]).map(({ id }) => id)).not.toContain('risk');
    expect(withRisk(failed).map(bestStop)).toEqual([null, null, null, null]);
  });

  it('is drawn with a ring around the best rank at the end, and another around the best of all', async () => {
    const svg = await svgOf(sweepFigures(noisy), 'risk');
    const [atEnd] = circlesOf(svg, 320, '#0072B2');
    const [atStop] = circlesOf(svg, 320, '#D55E00');
    expect(atEnd!.x).toBeCloseTo(placeOf(16), 6);
    expect(atStop!.x).toBeCloseTo(placeOf(256), 6);
    // Both on one linear axis, from 0 at 340 pixels.
    const unit = (340 - atEnd!.y) / noisyRisk(16, 100);
    expect((340 - atStop!.y) / unit).toBeCloseTo(best[3]!.risk.mean, 6);
    const texts = textsOf(svg).map(({ text }) => text);
    for (const expected of [
      'rank 16',
      `rank 256 at t = 0.853`,
      'spiked-model law at the end',
      'no fine-tuning (W₀)',
    ])
      expect(texts).toContain(expected);
  });

  it('is drawn without a law where there is none, and in a panel per series', async () => {
    const lawless = noisy.map((cell) => ({ ...cell, riskLaw: null }));
    const texts = textsOf(await svgOf(sweepFigures(lawless), 'risk')).map(({ text }) => text);
    expect(texts).not.toContain('spiked-model law at the end');
    const panels = textsOf(await svgOf(sweepFigures(two), 'risk')).map(({ text }) => text);
    for (const expected of ['kaiming', 'spectral']) expect(panels).toContain(expected);
  });

  it('is mapped over rank and time, with a dot on the best rank at each time', async () => {
    const svg = await svgOf(sweepFigures(noisy), 'risk-map');
    const dots = circlesOf(svg, 45, '#222222');
    const times = noisy[0]!.curve.map(({ time }) => time).filter((time) => time > 0);
    expect(dots).toHaveLength(times.length);
    const rows = [...noisyRanks].reverse();
    times.forEach((time, i) => {
      const risks = rows.map((rank) => noisyRisk(rank, time));
      const row = risks.indexOf(Math.min(...risks));
      expect(dots[i]!.y).toBeCloseTo(36 * (row + 0.5), 6);
    });
    expect(new Set(dots.map(({ y }) => y)).size).toBeGreaterThan(1);
  });

  it.each([
    ['one draw', single],
    ['failed trials', failed],
    ['one rank', noisy.slice(0, 1)],
    ['several series', two],
  ] as const)('survives %s', async (_, cells) => {
    for (const { spec, caption } of sweepFigures(cells as CellSummary[]).slice(0, 2))
      expect((await renderSvg(spec)) + caption).not.toMatch(/NaN|undefined|Infinity/);
    expect(sweepTable(cells as CellSummary[])).not.toMatch(/NaN|undefined|Infinity/);
  });
});

describe('the answers of a sweep with noise', () => {
  it('name the best rank with its interval, when to stop, and what full fine-tuning gives', () => {
    const text = riskAnswers(noisy).join('\n');
    expect(text).toMatch(
      /Best rank at the end: 16, with risk 0\.8057 \[0\.7\d+, 0\.8\d+\] \(the best in 100 %/,
    );
    expect(text).toContain('of the 4 draws of the target');
    expect(text).toMatch(
      /Best stop of all ranks and save times: rank 256 at t = 0\.853, with risk 0\.6953.*, against 1\.251 at the end \(the best in 100 % of resamples\)\./,
    );
    expect(text).toContain('Full fine-tuning stopped at t = 0.621: risk 0.5242, against 1.100');
  });

  it('say which ranks cannot be ruled out, and nothing of other draws from one', () => {
    // At rank 64 the draws lie far apart, and half of them below rank 16.
    const wide = noisy.map((cell) => (cell.rank === 64 ? { ...cell, riskByDraw: [6, 7, 9, 11] } : cell));
    expect(riskAnswers(wide).join('\n')).toMatch(/Best rank at the end: 16.*; 64 cannot be ruled out\)/);
    expect(riskAnswers(single).join('\n')).toContain(
      'of one draw of the target, which tells nothing of others',
    );
  });

  it('tell of the largest rank where another is the best, and of a risk that still falls', () => {
    const loud = noisy.map((cell) => ({
      ...cell,
      curve: cell.curve.map((point) => ({
        ...point,
        riskByDraw: point.riskByDraw.map((risk) => risk * (cell.rank === 256 ? 1.5 : 1)),
      })),
    }));
    expect(riskAnswers(loud).join('\n')).toMatch(/Rank 256, the largest, stopped at t = [\d.]+: risk/);
    const early = noisy.map((cell) => ({ ...cell, curve: cell.curve.slice(0, 12) }));
    expect(riskAnswers(early).join('\n')).toContain('No stop before the last save time is better: rank 256');
    expect(riskAnswers(early).join('\n')).toMatch(
      /Full fine-tuning: risk 0\.\d+ at the last save time, and no stop/,
    );
  });

  it('take a stop that gains less than a thousandth for none', async () => {
    // Least one save time before the last.
    const dipping = (gain: number) =>
      noisy.map((cell) => {
        const last = cell.curve.at(-1)!;
        const by = (factor: number, time: number) => ({
          ...{ ...last, time, risk: { ...last.risk!, mean: factor * last.risk!.mean } },
          riskByDraw: last.riskByDraw.map((risk) => factor * risk),
        });
        return {
          ...{ ...cell, riskByDraw: last.riskByDraw },
          riskRelative: { ...cell.riskRelative!, mean: last.risk!.mean / cell.riskScale! },
          curve: cell.curve.map(({ time }, i) => by(i === cell.curve.length - 2 ? 1 - gain : 1, time)),
        };
      });
    const [none, some] = [dipping(5e-4), dipping(5e-3)];
    const time = `t = ${Number(noisy[0]!.curve.at(-2)!.time.toPrecision(3))}`;
    expect(riskAnswers(none).join()).toContain('No stop before the last save time is better: rank 16');
    expect(riskAnswers(some).join()).toContain(`Best stop of all ranks and save times: rank 16 at ${time}`);
    const said = async (cells: readonly CellSummary[]) => [
      sweepTable(cells).includes(time),
      textsOf(await svgOf(sweepFigures(cells), 'risk')).some(({ text }) => text === `rank 16 at ${time}`),
    ];
    expect([await said(none), await said(some)]).toEqual([
      [false, false],
      [true, true],
    ]);
  });

  it('are of each series, and none where there is no risk', () => {
    expect(riskAnswers(two).filter((line) => line.startsWith('kaiming: Best rank'))).toHaveLength(1);
    expect(riskAnswers([cellOf(1), cellOf(2)])).toEqual([]);
  });

  it('come first on the page, and once', async () => {
    const html = await sweepHtml({ title: 'noise', provenance, cells: noisy });
    const [first] = riskAnswers(noisy);
    expect(html).toContain(`<p class="summary">${first}`);
    expect(html.split(first!)).toHaveLength(2);
  });

  it('stand under a table of risks', () => {
    const text = sweepTable(noisy);
    for (const expected of [
      'risk at the end',
      'best stop',
      't = 0.853',
      '0.6953',
      'training error',
      'noise 2',
    ])
      expect(text).toContain(expected);
    expect(sweepTable([cellOf(1)])).not.toContain('risk');
  });
});

describe('a subtitle', () => {
  const subtitleOf = (cells: readonly CellSummary[]) => {
    const { title } = sweepFigures(cells).at(-1)!.spec as { title: { subtitle: string[] } };
    return title.subtitle.join(' ');
  };

  it('says what trials are under, where that is not the plain flow of the target, and all share it', () => {
    expect(subtitleOf(noisy)).toBe('frobenius, exponential, 16 x 12, gaussian, noise 2');
    const decayed = noisy.map((cell) => ({ ...cell, decay: 0.1, lrRatioA: 0, scale: 2 }));
    expect(subtitleOf(decayed)).toContain('scaling none, alpha 2, frozen A, decay 0.1, noise 2');
    expect(subtitleOf([...decayed.slice(0, 2), ...noisy.slice(2)])).not.toMatch(/frozen|decay/);
    const samples = noisy.map((cell) => ({ ...cell, noise: null, samples: 40, labelNoise: 0.2 }));
    expect(subtitleOf(samples)).toMatch(/40 samples, label noise 0.2$/);
    const by = noisy.map((cell) => ({ ...cell, optimizer: 'adamw' as const, flow: 'scaled:0.1' }));
    expect(subtitleOf(by)).toMatch(/scaled:0.1 flow, adamw, noise 2$/);
  });
});

describe('the plots of a simulation with noise', () => {
  it('show the risk, and singular values beside the edge of the noise', async () => {
    const figures = simulationFigures(noisySimulationOf(4));
    const ids = figures.map(({ id }) => id);
    expect(ids.slice(ids.indexOf('risk'), ids.indexOf('risk') + 2)).toEqual(['risk', 'singular-values']);
    const svg = await svgOf(figures, 'singular-values');
    expect(textsOf(svg).map(({ text }) => text)).toContain('noise edge');
    // A rule across the picture at 1.5 of an axis to 2, and 320 pixels high.
    expect(svg).toMatch(/<path d="M0,80L520,80" stroke="#D55E00"/);
    expect(figures.find(({ id }) => id === 'singular-values')!.caption).toContain('τ = 0.8');
    expect(textsOf(await svgOf(figures, 'risk')).map(({ text }) => text)).toContain('full fine-tuning');
  });

  it('stand under when to stop', async () => {
    const report = noisySimulationOf(4);
    const risks = report.times.map((time) => noisyRisk(64, time));
    const least = Math.min(...risks);
    const [answer] = simulationAnswers(report);
    expect(answer).toBe(
      `Risk is least at t = ${report.times[risks.indexOf(least)]}: ${least.toPrecision(4)} of that of W0, ` +
        `against ${risks.at(-1)!.toPrecision(4)} at the end (means over 4 trials).`,
    );
    expect(await simulationHtml(report)).toContain(`<p class="summary">${answer}`);
    const falling = risks.indexOf(least) + 1;
    const trials = report.risk!.trials.map((trial) => trial.slice(0, falling));
    expect(
      simulationAnswers({ times: report.times.slice(0, falling), risk: { ...report.risk!, trials } }),
    ).toEqual([
      `No stop before the end has less risk: ${least.toPrecision(4)} of that of W0 (means over 4 trials).`,
    ]);
    const failed = { ...report.risk!, trials: trials.map((trial) => trial.map(() => NaN)) };
    expect([simulationAnswers(simulationOf(4)), simulationAnswers({ ...report, risk: failed })]).toEqual([
      [],
      [],
    ]);
  });

  it('are not there without', async () => {
    const figures = simulationFigures(simulationOf(4));
    expect(figures.map(({ id }) => id)).not.toContain('risk');
    expect(await svgOf(figures, 'singular-values')).not.toContain('noise edge');
  });
});
