/**
 * The spiked model against simulated singular value decompositions (NumPy), the Marchenko-Pastur law against
 * quadrature of its density (SciPy; both of reference/make_spiked.py), and full fine-tuning on a noisy target against
 * Runge-Kutta steps of its flow.
 */
import { readFileSync } from 'node:fs';
import { Matrix } from 'ml-matrix';
import { describe, expect, it } from 'vitest';
import { tableaus } from '../../src/method/tableaus.js';
import { marchenkoPasturQuantile } from '../../src/theory/marchenkoPastur.js';
import { noisyFullFineTuning } from '../../src/theory/noisyFullFineTuning.js';
import { spikedModel, type SpikedInput } from '../../src/theory/spiked.js';
import { gaussian, integrate64, toMatrix } from '../support.js';

interface Simulated extends SpikedInput {
  readonly sigma: number[];
  readonly values: number[];
  readonly left: number[];
  readonly right: number[];
  readonly risk: number[];
  readonly standardError: number[];
  readonly best: number[];
}

const reference = JSON.parse(readFileSync(new URL('../reference/spiked.json', import.meta.url), 'utf8')) as {
  quantiles: { beta: number; above: number; value: number }[];
  simulated: Simulated[];
};

const off = (value: number, expected: number) => Math.abs(value / expected - 1);

describe('the Marchenko-Pastur law', () => {
  it('has the quantiles that quadrature of its density has', () => {
    // The reference's own quadrature is good to 1e-13 of the share, which is 1e-12 of the value near an edge.
    for (const { beta, above, value } of reference.quantiles)
      expect(off(marchenkoPasturQuantile(beta, above), value)).toBeLessThan(2e-12);
  });

  it('ends at its edges, and falls from one to the other', () => {
    expect(marchenkoPasturQuantile(4, 0)).toBeCloseTo(3, 14);
    expect(marchenkoPasturQuantile(4, 1)).toBeCloseTo(1, 14);
    expect(marchenkoPasturQuantile(1, 1)).toBeLessThan(1e-15);
    const values = Array.from({ length: 101 }, (_, i) => marchenkoPasturQuantile(0.5, i / 100));
    expect(values).toEqual(values.toSorted((a, b) => b - a));
    // Mean square: E |Z|_F^2 = n over min(n, m) values.
    const squares = Array.from(
      { length: 20000 },
      (_, i) => marchenkoPasturQuantile(3, (i + 0.5) / 20000) ** 2,
    );
    expect(off(squares.reduce((sum, x) => sum + x, 0) / 20000, 3)).toBeLessThan(1e-6);
  });

  it('refuses what is no share and no ratio', () => {
    expect(() => marchenkoPasturQuantile(0, 0.5)).toThrow('invalid beta: 0');
    expect(() => marchenkoPasturQuantile(1, 1.5)).toThrow('invalid share: 1.5');
  });
});

describe.each(reference.simulated.map((each) => [`${each.n} x ${each.m}`, each] as const))(
  'the spiked model, %s',
  (_, simulated) => {
    const model = spikedModel(simulated);
    const ranks = [1, 2, 3, 4, 5, 6];

    it('has the singular values, to 0.5 %, and overlaps, to 0.02, of simulated decompositions', () => {
      model.singularValues(8).forEach((y, i) => expect(off(y, simulated.values[i]!)).toBeLessThan(5e-3));
      model.spikes.forEach(({ left, right }, i) => {
        expect(Math.abs(left - simulated.left[i]!)).toBeLessThan(0.02);
        expect(Math.abs(right - simulated.right[i]!)).toBeLessThan(0.02);
      });
    });

    it('has their risk, within 3 standard errors or 2 %, and their best rank', () => {
      for (const rank of ranks) {
        const [risk, mean] = [model.risk(rank), simulated.risk[rank]!];
        const allowed = Math.max(3 * simulated.standardError[rank]!, 0.02 * mean);
        expect(Math.abs(risk - mean)).toBeLessThan(allowed);
      }
      for (const best of simulated.best) expect(best).toBe(model.bestRank);
      expect(model.initialRisk).toBeCloseTo(simulated.risk[0]!, 12);
    });

    it('is not that of its transpose, of another noise, or without the tilt of singular vectors', () => {
      const { n, m, tau, sigma } = simulated;
      const wrong = [
        { ...simulated, tau: 1.1 * tau },
        { ...simulated, sigma: sigma.map((s) => 1.1 * s) },
        ...(n === m ? [] : [{ ...simulated, n: m, m: n }]),
      ].map(spikedModel);
      for (const each of wrong) {
        const worst = ranks.map((rank) => off(each.risk(rank), simulated.risk[rank]!));
        expect(Math.max(...worst)).toBeGreaterThan(0.05);
      }
      const untilted = simulated.values[0]! ** 2 - 2 * simulated.values[0]! * sigma[0]!;
      expect(off(model.initialRisk + untilted, simulated.risk[1]!)).toBeGreaterThan(0.05);
    });
  },
);

describe('the spiked model', () => {
  const model = spikedModel({ sigma: [1.5, 0.6, 2.5, 0, 1], tau: 0.8, n: 600, m: 900 });

  it('says which directions are seen, whatever their order', () => {
    expect(model.spikes.map(({ sigma, seen }) => [sigma, seen])).toEqual([
      [2.5, true],
      [1.5, true],
      [1, true],
      [0.6, false],
    ]);
    expect(model.edge).toBeCloseTo(0.8 * (1 + Math.sqrt(2 / 3)), 14);
    expect(model.threshold).toBeCloseTo(0.8 * (2 / 3) ** 0.25, 14);
    expect(model.spikes[3]).toMatchObject({ value: model.edge, left: 0, right: 0 });
  });

  it('leaves out what is beyond min(n, m)', () => {
    const model = spikedModel({ sigma: [1, 3, 2], tau: 0.1, n: 2, m: 4 });
    expect(model.spikes.map(({ sigma }) => sigma)).toEqual([3, 2]);
    expect([model.initialRisk, model.bestRank]).toEqual([13, 2]);
  });

  it('takes the edge as the limit of a direction that is barely seen', () => {
    const barely = spikedModel({ sigma: [model.threshold * (1 + 1e-9)], tau: 0.8, n: 600, m: 900 });
    expect(barely.spikes[0]!.seen).toBe(true);
    expect(barely.spikes[0]!.value).toBeCloseTo(model.edge, 12);
    expect(barely.spikes[0]!.left).toBeLessThan(1e-8);
    expect(barely.bestRank).toBe(0);
  });

  it('is Eckart-Young-Mirsky as the noise goes', () => {
    const quiet = spikedModel({ sigma: [3, 2, 1], tau: 1e-6, n: 40, m: 60 });
    expect(quiet.bestRank).toBe(3);
    [14, 5, 1].forEach((risk, rank) => expect(quiet.risk(rank)).toBeCloseTo(risk, 9));
  });

  it('refuses what it does not take', () => {
    expect(() => spikedModel({ sigma: [1], tau: 0, n: 2, m: 2 })).toThrow('invalid noise level: 0');
    expect(() => spikedModel({ sigma: [1], tau: 1, n: 0, m: 2 })).toThrow('invalid shape');
    expect(() => spikedModel({ sigma: [-1], tau: 1, n: 2, m: 2 })).toThrow('invalid singular value: -1');
    expect(() => model.risk(601)).toThrow('invalid rank: 601');
  });
});

describe('full fine-tuning on a noisy target', () => {
  const [error, noise] = [gaussian(5, 4, 1), gaussian(5, 4, 2)];
  const squares = (values: Float64Array) => values.reduce((sum, x) => sum + x * x, 0);
  const input = {
    errorSquares: squares(error.data),
    noiseSquares: squares(noise.data),
    inner: error.data.reduce((sum, x, i) => sum + x * noise.data[i]!, 0),
  };
  const path = noisyFullFineTuning(input);

  it('has the risk of its flow', () => {
    const target = Matrix.add(toMatrix(error), toMatrix(noise)).to1DArray();
    const field = (w: Float64Array) => w.map((x, i) => target[i]! - x);
    for (const t of [0.3, 1.2]) {
      const w = integrate64(tableaus.rk4, field, new Float64Array(20), t, 2000);
      const risk = squares(w.map((x, i) => x - error.data[i]!));
      expect(off(path.risk(t), risk)).toBeLessThan(1e-11);
      expect(off(noisyFullFineTuning({ ...input, inner: 0 }).risk(t), risk)).toBeGreaterThan(1e-3);
    }
    expect(path.risk(Infinity)).toBeCloseTo(input.noiseSquares, 12);
  });

  it('is best at the time of its least risk', () => {
    expect(path.risk(path.bestTime)).toBeCloseTo(path.bestRisk, 12);
    for (const factor of [0.9, 1.1]) expect(path.risk(factor * path.bestTime)).toBeGreaterThan(path.bestRisk);
    // Of means: |E|^2 tau^2 n / (|E|^2 + tau^2 n).
    const mean = noisyFullFineTuning({ errorSquares: 3, noiseSquares: 5 });
    expect(mean.bestRisk).toBeCloseTo(15 / 8, 12);
    expect(mean.bestTime).toBeCloseTo(Math.log(8 / 5), 12);
  });

  it('goes on for ever without noise, and does not begin where noise points away', () => {
    expect(noisyFullFineTuning({ errorSquares: 1, noiseSquares: 0 })).toMatchObject({
      bestTime: Infinity,
      bestRisk: 0,
    });
    const away = noisyFullFineTuning({ errorSquares: 1, noiseSquares: 4, inner: -1.9 });
    expect(away).toMatchObject({ bestTime: 0, bestRisk: 1 });
  });
});
