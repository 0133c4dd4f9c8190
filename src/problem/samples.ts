/**
 * Samples of a linear regression: inputs x ~ N(0, H) and labels y = M x + SD N(0, I), fresh for each draw of the target.
 * Training sees f(W) = 1/2N sum |y - W x|^2. Minibatches take their rows from `inputs` and `residuals` (a row a sample,
 * the same in both) of a SamplesStructure: the gradient at W0 + D over a batch of B is (1/B) sum (D x - residual) x^T.
 */
import { dense, scaled, transposed, type Dense } from '../numbers/dense.js';
import { normals } from '../numbers/philox.js';
import { multiply, multiplyTransposedLeft, multiplyTransposedRight } from '../numbers/products.js';
import { cholesky } from '../numbers/symmetric.js';
import type { TargetDraw } from './noise.js';
import type { SamplesStructure } from './structure.js';

/** What samples are drawn from. */
export interface SampleLaw {
  /** C = M - W0 [n, m]. */
  readonly clean: Dense;
  /** H [m, m], positive definite. */
  readonly covariance: Dense;
  /** Number N of samples. */
  readonly count: number;
  /** Standard deviation of the labels' noise. */
  readonly labelNoise: number;
}

/** Rows of independent standard normal numbers [rows, cols]. */
const normalRows = (
  rows: number,
  cols: number,
  stream: 'inputs' | 'labelNoise',
  { seed, draw }: TargetDraw,
) => {
  const out = dense(rows, cols);
  for (let i = 0; i < rows; i++)
    out.data.set(normals(cols, { seed, rank: 0, trial: i, draw }, stream), i * cols);
  return out;
};

/**
 * The structure of a draw of N samples, which is a function of (seed, draw) alone.
 * @throws Error if H is not positive definite
 */
export function samplesOf(
  { clean, covariance, count, labelNoise }: SampleLaw,
  draw: TargetDraw,
): SamplesStructure {
  const l = cholesky(covariance);
  if (!l) throw new Error('the covariance of samples is not positive definite');
  const inputs = multiplyTransposedRight(normalRows(count, covariance.cols, 'inputs', draw), l);
  const residuals = multiplyTransposedRight(inputs, clean);
  if (labelNoise > 0)
    normalRows(count, clean.rows, 'labelNoise', draw).data.forEach(
      (value, i) => (residuals.data[i]! += labelNoise * value),
    );
  return fromSamples(inputs, residuals);
}

/** The structure of inputs x [N, m] and of what labels leave of W0, y - W0 x [N, n]. */
export function fromSamples(inputs: Dense, residuals: Dense): SamplesStructure {
  const share = 1 / inputs.rows;
  const mean = (product: Dense) => scaled(product, share);
  return {
    kind: 'samples',
    ...{ inputs, residuals },
    weighted: mean(multiplyTransposedLeft(residuals, inputs)),
    covariance: mean(symmetricProduct(inputs)),
    constant: (share * residuals.data.reduce((sum, value) => sum + value * value, 0)) / 2,
  };
}

/** X^T X, exactly symmetric. */
function symmetricProduct(x: Dense): Dense {
  const product = multiplyTransposedLeft(x, x);
  const mirrored = transposed(product);
  return dense(
    product.rows,
    product.cols,
    product.data.map((value, i) => (value + mirrored.data[i]!) / 2),
  );
}

/** Value and gradient of f = 1/2N sum |y - W x|^2 at an update D [n, m]: the gradient D H - P. */
export function samplesForm({ weighted, covariance, constant }: SamplesStructure, update: Dense) {
  const curved = multiply(update, covariance);
  let value = constant;
  const gradient = dense(update.rows, update.cols);
  for (let i = 0; i < update.data.length; i++) {
    value += update.data[i]! * (curved.data[i]! / 2 - weighted.data[i]!);
    gradient.data[i] = curved.data[i]! - weighted.data[i]!;
  }
  return { value, gradient };
}
