/**
 * Linear regression with input covariance H: f(W) = 1/2 tr((W - M) H (W - M)^T), E = M - W0. With H = I it is the
 * Frobenius loss.
 */
import type { Tensor1D, Tensor3D } from '@tensorflow/tfjs';
import { InputError } from '../host/inputError.js';
import { dense, difference, scaledColumns, transposed, type Dense } from '../numbers/dense.js';
import { gram } from '../numbers/gram.js';
import { memoized } from '../numbers/memoized.js';
import { multiply, multiplyTransposedRight } from '../numbers/products.js';
import { singularValues } from '../numbers/svd.js';
import { updateSingularValues } from '../numbers/updateSingularValues.js';
import { regressionFullPath, regressionOptima } from '../theory/linearRegression.js';
import { checkedCovariance, inputSide } from './covariance.js';
import type { Factors } from './factors.js';
import { unknownForms, type BuiltInLoss } from './loss.js';
import type { Problem } from './problem.js';
import { quadraticForm } from './quadraticForm.js';
import { norm } from '../numbers/norm.js';
import { checkScale } from './scale.js';
import { curvatureOf, sayDecomposition, spectrumOf, targetError, type Shape, type Source } from './source.js';
import { directionsOf } from './spectralDirections.js';
import { optimumOver, spectralAnswers } from './spectralLoss.js';
import { spectralRate } from './spectralRate.js';
import { isNamedSpectrum, namedSpectrum } from './spectrum.js';
import { riskOf, riskOfUpdate } from './risk.js';
import { samplesForm, samplesOf } from './samples.js';
import { sampledFullPath, sampledOptima } from '../theory/sampledRegression.js';
import type { QuadraticStructure, SamplesStructure } from './structure.js';

type RegressionStructure = QuadraticStructure | SamplesStructure;

export const linearRegressionLoss: BuiltInLoss<RegressionStructure> = {
  ...unknownForms,
  ...spectralAnswers,
  name: 'linear-regression',
  matrix: 'target',
  dependsOn: 'matrix',
  square: false,
  curvatures: ['covariance'],
  takesSamples: true,
  // Those below 1e-8 of the largest are rounding: they are roots of eigenvalues.
  weightedSingularValues({ structure }, { x, y }) {
    const weighted = multiply(x, dense(x.cols, x.cols, weightedGram(structure, y)));
    return updateSingularValues({ x: weighted, y: x }).map(Math.sqrt);
  },
  rateNearOptimum(problem, { x, y }) {
    const grams = { xx: gram(x.data, x.data, x.cols), yy: weightedGram(problem.structure, y) };
    const { fullFineTuningRate: least } = problem;
    return spectralRate(problem, grams, x.cols, least === null ? null : Math.min(1, least));
  },
  problem(source, shape, base) {
    const covariance = curvatureOf(source, 'covariance', shape.m, 'linear regression');
    checkScale('covariance', 'norm', norm(covariance.data), 'speed');
    const error = targetError(source, shape, base);
    sayDecomposition(shape);
    const problem =
      source.spec.samples === undefined
        ? linearRegression(error, covariance)
        : sampled(error, covariance, source);
    checkScale('covariance', '|E H|, the fastest rate,', problem.rate, 'speed');
    return problem;
  },
  leanProblem: alongAxes,
  formula: {
    tensor(w, target, covariance) {
      const residual = w.sub<Tensor3D>(target);
      const [batch, n, m] = w.shape;
      const weighted = residual.reshape([batch * n, m]).matMul(covariance);
      return residual
        .mul(weighted.reshape([batch, n, m]))
        .sum<Tensor1D>([1, 2])
        .mul(0.5);
    },
    host(w, target, covariance) {
      const { rows: n, cols: m } = target;
      let total = 0;
      for (let i = 0; i < n; i++)
        for (let j = 0; j < m; j++) {
          let weighted = 0;
          for (let k = 0; k < m; k++)
            weighted += (w[i * m + k]! - target.data[i * m + k]!) * covariance.data[k * m + j]!;
          total += (w[i * m + j]! - target.data[i * m + j]!) * weighted;
        }
      return total / 2;
    },
  },
  examples: [
    {
      name: 'linear-regression',
      make(base, draws) {
        const target = draws.matrix(base.rows, base.cols);
        const h = draws.covariance(base.cols);
        return { problem: linearRegression(difference(target, base), h), matrices: [target, h] };
      },
    },
  ],
  rotated({ structure }, { left, right }) {
    if (structure.kind === 'samples') throw new Error('samples are not rotated');
    const { error, covariance: h } = structure;
    return linearRegression(
      multiplyTransposedRight(multiply(left, error), right),
      multiplyTransposedRight(multiply(right, h!), right),
    );
  },
};

/** Y^T H Y [r, r] of Y [m, r]. */
const weightedGram = ({ covariance }: RegressionStructure, y: Factors['y']): Float64Array =>
  gram(y.data, multiply(covariance!, y).data, y.cols);

/**
 * The problem with E [n, m] and H [m, m], of which rounding may have left the symmetric part only to 1e-5.
 * @throws InputError if H has the wrong shape, is not symmetric or not positive definite
 */
export function linearRegression(error: Dense, h: Dense): Problem {
  const covariance = checkedCovariance(h, error.cols, inputSide);
  const input = { e: error, h: covariance };
  const { sigma } = regressionOptima(input);
  const fullFineTuning = regressionFullPath(input);
  const gradient = multiply(error, covariance);
  return {
    loss: linearRegressionLoss,
    n: error.rows,
    m: error.cols,
    structure: { kind: 'quadratic', error, covariance },
    frame: null,
    initialLoss: fullFineTuning.loss(0),
    optimum: optimumOver(sigma),
    fullFineTuningLoss: (t) => fullFineTuning.loss(t),
    fullFineTuningRate: fullFineTuning.rate,
    ...directionsOf(gradient),
    rate: singularValues(gradient)[0] ?? 0,
    valueAndGradient: (update) => quadraticForm(error, covariance, update),
  };
}

/** The problem of a draw of samples; its risk is tr((W - M) H (W - M)^T) over the population. */
function sampled(error: Dense, h: Dense, { spec, draw }: Source): Problem {
  const population = checkedCovariance(h, error.cols, inputSide);
  const { samples: count = 1, labelNoise = 0, seed = 0 } = spec;
  const law = { clean: error, covariance: population, count, labelNoise };
  const risk = riskOf(error, population);
  const structure = samplesOf(law, { seed, draw });
  // Spread, it would compute the rate of full fine-tuning of every draw.
  return Object.assign(onSamples(structure), {
    risk,
    fullFineTuningRisk: (t: number) => riskOfUpdate(risk, fullPathOf(structure).update(t)),
  });
}

/** Full fine-tuning on samples, and the optima of ranks: computed when they are first asked for. */
const fullPathOf = memoized(({ weighted, covariance, constant }: SamplesStructure) =>
  sampledFullPath(weighted, covariance, constant),
);
const optimaOf = memoized(({ inputs, residuals }: SamplesStructure) => sampledOptima(inputs, residuals));

/** The problem of samples. */
export function onSamples(structure: SamplesStructure): Problem {
  const { weighted, constant } = structure;
  return {
    loss: linearRegressionLoss,
    n: weighted.rows,
    m: weighted.cols,
    structure,
    frame: null,
    initialLoss: constant,
    optimum: (rank) => optimaOf(structure)(rank),
    fullFineTuningLoss: (t) => fullPathOf(structure).loss(t),
    get fullFineTuningRate() {
      return fullPathOf(structure).rate;
    },
    ...directionsOf(weighted),
    rate: singularValues(weighted)[0] ?? 0,
    valueAndGradient: (update) => samplesForm(structure, update),
  };
}

/** The unit vectors with these indices as columns [rows, indices]. */
function unitsAt(indices: readonly number[], rows: number): Dense {
  const out = dense(rows, indices.length);
  indices.forEach((i, j) => (out.data[i * indices.length + j] = 1));
  return out;
}

/** The linear regression with diagonal E [n, m] of entries `errors` [min(n, m)] and diagonal H of entries h > 0 [m]. */
function diagonalRegression(errors: Float64Array, h: Float64Array, n: number): Problem {
  const m = h.length;
  const sigma = errors.map((e, i) => Math.abs(e) * Math.sqrt(h[i]!));
  const gradient = errors.map((e, i) => Math.abs(e) * h[i]!);
  const order = [...gradient.keys()].sort((i, j) => gradient[j]! - gradient[i]!);
  const diagonal = (values: Float64Array, rows: number) => {
    const out = dense(rows, m);
    values.forEach((value, i) => (out.data[i * m + i] = value));
    return out;
  };
  const [error, covariance] = [diagonal(errors, n), diagonal(h, m)];
  const lossAt = (t: number) => sigma.reduce((sum, s, i) => sum + (s * s * Math.exp(-2 * h[i]! * t)) / 2, 0);
  return {
    loss: linearRegressionLoss,
    n,
    m,
    structure: { kind: 'quadratic', error, covariance },
    frame: null,
    initialLoss: lossAt(0),
    optimum: optimumOver(sigma),
    fullFineTuningLoss: lossAt,
    fullFineTuningRate: h.reduce((least, value) => Math.min(least, value), Infinity),
    spectralDirections: (rank) => transposed(unitsAt(order.slice(0, rank), m)),
    descentTriples: (count) => {
      const at = order.slice(0, count);
      return {
        left: unitsAt(at, n),
        sigma: Float64Array.from(at, (i) => gradient[i]!),
        right: scaledColumns(
          unitsAt(at, m),
          at.map((i) => Math.sign(errors[i]!) || 1),
        ),
      };
    },
    rate: gradient[order[0]!] ?? 0,
    valueAndGradient: (update) => quadraticForm(error, covariance, update),
  };
}

/** The regression with a named covariance and a spectrum along the axes; null if it is another, or refused. */
function alongAxes({ spec, curvatures }: Source, shape: Shape): Problem | null {
  const isAlongAxes =
    spec.samples === undefined &&
    spec.spectrum !== undefined &&
    spec.vectors !== 'random' &&
    !curvatures.covariance;
  if (!isAlongAxes || spec.covariance === undefined || !isNamedSpectrum(spec.covariance)) return null;
  const errors = spectrumOf(spec, shape);
  try {
    const h = namedSpectrum(spec.covariance, shape.m);
    return h.every((value) => value > 0) ? diagonalRegression(errors, h, shape.n) : null;
  } catch (error) {
    if (error instanceof InputError) return null;
    throw error;
  }
}
