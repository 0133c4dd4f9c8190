/** Linear regression on samples: their law, training on fewer samples than inputs, and the risk over the population. */
import { Matrix, pseudoInverse } from 'ml-matrix';
import { describe, expect, it } from 'vitest';
import type { Dense } from '../src/numbers/dense.js';
import { statistic } from '../src/numbers/statistics.js';
import { gradientFlow, symmetriesOf } from '../src/flow/flow.js';
import { linearRegressionLoss, onSamples } from '../src/problem/linearRegression.js';
import { readSource } from '../src/problem/source.js';
import type { SamplesStructure } from '../src/problem/structure.js';
import { fromSamples, samplesForm, samplesOf } from '../src/problem/samples.js';
import { sweep } from '../src/run/sweep.js';
import { sampledFullPath, sampledOptima } from '../src/theory/sampledRegression.js';
import { covariance, fromMatrix, gaussian, relativeError, toMatrix } from './support.js';

const [n, m] = [4, 6];
const clean = gaussian(n, m, 1);
const h = covariance(m, 2);

/** f = 1/2N sum |R_k - D x_k|^2, sample by sample. */
function lossOf(inputs: Dense, residuals: Dense, update: Dense): number {
  const left = toMatrix(residuals).sub(toMatrix(inputs).mmul(toMatrix(update).transpose()));
  return left.norm() ** 2 / (2 * inputs.rows);
}

describe('samples', () => {
  it('have the covariance and the label noise that are asked for, of the seed and the draw alone', () => {
    const law = { clean, covariance: h, count: 20_000, labelNoise: 0.3 };
    const { inputs, residuals, covariance: second } = samplesOf(law, { seed: 1, draw: 0 });
    // Entries of the second moment are known to sqrt(2 h h / 20,000) = 1 %, of which four here.
    expect(relativeError(second.data, h.data)).toBeLessThan(0.04);
    const noise = toMatrix(residuals).sub(toMatrix(inputs).mmul(toMatrix(clean).transpose()));
    expect(Math.abs(noise.norm() ** 2 / (20_000 * n) / 0.3 ** 2 - 1)).toBeLessThan(0.02);
    const few = { ...law, count: 5 };
    expect(samplesOf(few, { seed: 1, draw: 2 })).toEqual(samplesOf(few, { seed: 1, draw: 2 }));
    expect(samplesOf(few, { seed: 1, draw: 2 }).inputs).not.toEqual(
      samplesOf(few, { seed: 1, draw: 3 }).inputs,
    );
    expect(samplesOf({ ...few, labelNoise: 0 }, { seed: 1, draw: 2 }).inputs).toEqual(
      samplesOf(few, { seed: 1, draw: 2 }).inputs,
    );
  });

  it.each([
    ['more', 30],
    ['fewer', 4],
  ])('%s than inputs give the loss of the sum over them, its optima and full fine-tuning', (_, count) => {
    const [inputs, residuals] = [gaussian(count, m, 3), gaussian(count, n, 4)];
    const structure = fromSamples(inputs, residuals);
    const update = gaussian(n, m, 5);
    const expected = lossOf(inputs, residuals, update);
    expect(samplesForm(structure, update).value / expected).toBeCloseTo(1, 12);
    // Full fine-tuning ends with the least squares solution of least norm, whose loss is the optimum of full rank.
    const x = toMatrix(inputs);
    const least = fromMatrix(pseudoInverse(x).mmul(toMatrix(residuals)).transpose());
    const path = sampledFullPath(structure.weighted, structure.covariance, structure.constant);
    expect(relativeError(path.update(1e6).data, least.data)).toBeLessThan(1e-8);
    const optimum = sampledOptima(inputs, residuals);
    const atLeast = lossOf(inputs, residuals, least);
    expect(Math.abs(optimum(n) - atLeast)).toBeLessThan(1e-12 * structure.constant);
    expect(Math.abs(path.loss(1e6) - atLeast)).toBeLessThan(1e-9 * structure.constant);
    expect(optimum(0) / structure.constant).toBeCloseTo(1, 12);
    for (const t of [0.3, 2]) expect(path.loss(t)).toBeCloseTo(lossOf(inputs, residuals, path.update(t)), 10);
    // Half way there by the flow's own equation: dD/dt = P - D H.
    const step = 1e-5;
    const [before, after] = [path.update(1 - step), path.update(1 + step)];
    const slope = before.data.map((value, i) => (after.data[i]! - value) / (2 * step));
    const { gradient } = samplesForm(structure, path.update(1));
    expect(
      relativeError(
        slope,
        gradient.data.map((g) => -g),
      ),
    ).toBeLessThan(1e-8);
  });

  it('have the risk of full fine-tuning over the population', () => {
    const spec = { samples: 5, labelNoise: 0.3, covariance: 'power:1', spectrum: [2, 1], seed: 3 } as const;
    const size = { n, m };
    const problem = linearRegressionLoss.problem(readSource(spec), size, null, symmetriesOf(gradientFlow));
    const diagonal = Float64Array.from({ length: m }, (_, i) => 1 / (i + 1));
    const structure = problem.structure as SamplesStructure;
    const path = sampledFullPath(structure.weighted, structure.covariance, structure.constant);
    const left = path.update(0.7).data.slice();
    left[0]! -= 2;
    left[m + 1]! -= 1;
    const expected = left.reduce((sum, value, at) => sum + diagonal[at % m]! * value * value, 0);
    expect(problem.fullFineTuningRisk!(0.7) / expected).toBeCloseTo(1, 12);
    expect(problem.risk!.scale).toBeCloseTo(4 + 1 / 2, 12);
  });

  it('have optima of low rank that no update of that rank beats, and the flow reaches', async () => {
    const [cell] = await sweep({
      ...{ loss: ['linear-regression'], covariance: 'power:0.5', spectrum: [3, 2, 1, 0.5], shape: ['6x8'] },
      ...{ samples: 5, labelNoise: 0.2, ranks: [2], trials: 4, seed: 2, backend: 'wasm', workers: 1 },
      ...{ init: ['gaussian:0.3'], steady: 1e-5 },
    });
    const { accuracy, law, outcomes, risk } = cell!;
    expect(outcomes.stationary).toBe(4);
    // No start ends below the optimum, and all end there.
    expect(accuracy.p05 / law!.value).toBeGreaterThan(1 - 1e-5);
    expect(accuracy.p95 / law!.value).toBeLessThan(1 + 1e-3);
    expect(risk!.mean).toBeGreaterThan(0);
  });

  it('white ones have the risk of noise of tau^2 = SD^2 m / (N - m - 1) at full rank', () => {
    const [count, sd, draws] = [40, 0.5, 300];
    const identity = fromMatrix(Matrix.eye(m));
    const risks = Array.from({ length: draws }, (_, draw) => {
      const law = { clean, covariance: identity, count, labelNoise: sd };
      const { inputs, residuals } = samplesOf(law, { seed: 6, draw });
      const learnt = pseudoInverse(toMatrix(inputs)).mmul(toMatrix(residuals)).transpose();
      return learnt.sub(toMatrix(clean)).norm() ** 2;
    });
    const { mean, sd: spread } = statistic(risks);
    const expected = (n * sd ** 2 * m) / (count - m - 1);
    expect(Math.abs(mean - expected)).toBeLessThan((4 * spread) / Math.sqrt(draws));
    expect(onSamples(fromSamples(gaussian(3, 2, 1), gaussian(3, 2, 2))).initialLoss).toBeGreaterThan(0);
  });
});
