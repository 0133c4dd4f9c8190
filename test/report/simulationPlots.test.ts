/** Plots of simulations, and plots as PNG, against what they must show. */
import { Resvg } from '@resvg/resvg-js';
import { describe, expect, it } from 'vitest';
import { renderPng, renderSvg, simulationFigures, sweepFigures } from '../../src/report/plots.js';
import { one, simulationOf, svgOf, textsOf } from './support.js';

describe('simulation plots', () => {
  it('draw every trial and the theory over it', async () => {
    const figures = simulationFigures(simulationOf(3));
    expect(figures.map(({ id }) => id)).toEqual([
      ...['loss', 'excess', 'singular-values', 'gradient-norm', 'balancedness', 'ranks'],
    ]);
    const svg = await svgOf(figures, 'loss');
    const texts = textsOf(svg).map(({ text }) => text);
    for (const expected of ['exact path', 'full fine-tuning', 'optimum of rank 2', 'trial, stationary'])
      expect(texts).toContain(expected);
    expect(svg.match(/stroke="#0072B2"/g)).toHaveLength(2 + 1);
    // The sharpness is asked for too, but has no value at any time: no plot.
    const ranks = textsOf(await svgOf(figures, 'ranks')).map(({ text }) => text);
    expect(ranks).toEqual(expect.arrayContaining(['stable rank', 'effective rank']));
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

describe('PNG', () => {
  it('is a PNG with its text set in the bundled fonts', async () => {
    const svg = await svgOf(sweepFigures(one), 'accuracy');
    const png = await renderPng(svg);
    expect([...png.subarray(0, 8)]).toEqual([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
    const width = Number(/<svg[^>]* width="(\d+)"/.exec(svg)?.[1]);
    expect(new DataView(png.buffer, png.byteOffset).getUint32(16)).toBe(2 * width);
    const options = { background: 'white', fitTo: { mode: 'zoom' as const, value: 2 } };
    const bare = new Resvg(svg, { ...options, font: { loadSystemFonts: false } }).render().asPng();
    expect(png.length).toBeGreaterThan(bare.length + 4000);
  });
});
