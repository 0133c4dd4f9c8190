/** Reports of a verification, as a table, a page, a plot and JSON, against its findings. */
import { describe, expect, it } from 'vitest';
import { renderSvg } from '../../src/report/plots.js';
import { convergenceFigures } from '../../src/report/plots/convergence.js';
import { verdict } from '../../src/report/findings.js';
import { verificationHtml, verificationJson, verificationTable } from '../../src/report/verification.js';
import { around as within, atMost, type Finding } from '../../src/verify/check.js';
import { provenance, textsOf } from './support.js';

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
