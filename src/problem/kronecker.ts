/**
 * The quadratic with curvature on both sides, f(W) = 1/2 tr((W - M)^T S (W - M) H) with E = M - W0: a layer under
 * Kronecker-factored curvature, H the covariance of its inputs and S that of its outputs' gradients. S = I is linear
 * regression.
 */
import type { Tensor1D, Tensor2D, Tensor3D } from '@tensorflow/tfjs';
import { difference, inner, type Dense } from '../numbers/dense.js';
import { gram } from '../numbers/gram.js';
import { norm } from '../numbers/norm.js';
import { multiply, multiplyTransposedLeft, multiplyTransposedRight } from '../numbers/products.js';
import { singularValues } from '../numbers/svd.js';
import { cholesky } from '../numbers/symmetric.js';
import { updateSingularValues } from '../numbers/updateSingularValues.js';
import { kroneckerForms } from '../theory/kronecker.js';
import { checkedCovariance, inputSide, type CovarianceSide } from './covariance.js';
import { unknownForms, type BuiltInLoss } from './loss.js';
import type { Problem } from './problem.js';
import { checkScale } from './scale.js';
import { curvatureOf, sayDecomposition, targetError } from './source.js';
import { directionsOf } from './spectralDirections.js';
import { optimumOver, spectralAnswers } from './spectralLoss.js';
import { spectralRate } from './spectralRate.js';
import type { KroneckerStructure } from './structure.js';

/** A problem with the Cholesky factors of its curvatures, S = L L^T and H = R R^T, and their least eigenvalue. */
interface KroneckerProblem extends Problem<KroneckerStructure> {
  readonly roots: { readonly left: Dense; readonly right: Dense };
  readonly leastCurvature: number;
}

const NAME = 'kronecker-quadratic';

const outputSide: CovarianceSide = { field: 'outputCovariance', like: 'as tall as the target' };

export const kroneckerLoss: BuiltInLoss<KroneckerStructure> = {
  ...unknownForms,
  ...spectralAnswers,
  name: NAME,
  matrix: 'target',
  dependsOn: 'matrix',
  square: false,
  curvatures: ['covariance', 'outputCovariance'],
  weightedSingularValues: ({ roots }: KroneckerProblem, { x, y }) =>
    updateSingularValues({
      x: multiplyTransposedLeft(roots.left, x),
      y: multiplyTransposedLeft(roots.right, y),
    }),
  // In whitened factors the flow is minus a gradient times matrices with the eigenvalues of S and H.
  rateNearOptimum(problem: KroneckerProblem, { x, y }) {
    const { outputCovariance: s, covariance: h } = problem.structure;
    const xx = gram(x.data, multiply(s, x).data, x.cols);
    const yy = gram(y.data, multiply(h, y).data, y.cols);
    return spectralRate(problem, { xx, yy }, x.cols, problem.leastCurvature);
  },
  problem(source, shape, base) {
    const h = curvatureOf(source, 'covariance', shape.m, NAME);
    const s = curvatureOf(source, 'outputCovariance', shape.n, NAME);
    checkScale('covariance', 'norm', norm(h.data), 'speed');
    checkScale('outputCovariance', 'norm', norm(s.data), 'speed');
    const error = targetError(source, shape, base);
    sayDecomposition(shape);
    const problem = kroneckerQuadratic(error, s, h);
    checkScale('outputCovariance', '|S E H|, the fastest rate,', problem.rate, 'speed');
    return problem;
  },
  formula: {
    tensor(w, target, s, h) {
      const residual = w.sub<Tensor3D>(target);
      const [batch, n, m] = w.shape;
      const byInput = residual
        .reshape<Tensor2D>([batch * n, m])
        .matMul(h)
        .reshape([batch, n, m]);
      // S is symmetric: (S R)^T = R^T S.
      const rows = residual.transpose([0, 2, 1]).reshape<Tensor2D>([batch * m, n]);
      const byOutput = rows.matMul(s).reshape([batch, m, n]).transpose([0, 2, 1]);
      return byInput.mul(byOutput).sum<Tensor1D>([1, 2]).mul(0.5);
    },
    host(w, target, s, h) {
      const { rows: n, cols: m } = target;
      const residual = w.map((value, i) => value - target.data[i]!);
      let total = 0;
      for (let i = 0; i < n; i++)
        for (let j = 0; j < m; j++) {
          let [byOutput, byInput] = [0, 0];
          for (let k = 0; k < n; k++) byOutput += s.data[i * n + k]! * residual[k * m + j]!;
          for (let k = 0; k < m; k++) byInput += residual[i * m + k]! * h.data[k * m + j]!;
          total += byOutput * byInput;
        }
      return total / 2;
    },
  },
  examples: [
    {
      name: NAME,
      make(base, draws) {
        const target = draws.matrix(base.rows, base.cols);
        const [s, h] = [draws.covariance(base.rows), draws.covariance(base.cols)];
        return { problem: kroneckerQuadratic(difference(target, base), s, h), matrices: [target, s, h] };
      },
    },
  ],
  rotated({ structure: { error, outputCovariance: s, covariance: h } }, { left, right }) {
    const rotated = (a: Dense, u: Dense, v: Dense) => multiplyTransposedRight(multiply(u, a), v);
    return kroneckerQuadratic(rotated(error, left, right), rotated(s, left, left), rotated(h, right, right));
  },
};

/**
 * The problem with E [n, m], output covariance S [n, n] and input covariance H [m, m], of both of which rounding may
 * have left the symmetric part only to 1e-5.
 * @throws InputError if S or H has the wrong shape, is not symmetric or not positive definite
 */
export function kroneckerQuadratic(error: Dense, outputCovariance: Dense, inputCovariance: Dense): Problem {
  const s = checkedCovariance(outputCovariance, error.rows, outputSide);
  const h = checkedCovariance(inputCovariance, error.cols, inputSide);
  const forms = kroneckerForms({ e: error, s, h });
  const gradient = multiply(multiply(s, error), h);
  const problem: KroneckerProblem = {
    loss: kroneckerLoss,
    n: error.rows,
    m: error.cols,
    structure: { kind: 'kronecker', error, outputCovariance: s, covariance: h },
    frame: null,
    initialLoss: forms.fullLoss(0),
    optimum: optimumOver(forms.sigma),
    fullFineTuningLoss: forms.fullLoss,
    fullFineTuningRate: forms.fullRate,
    ...directionsOf(gradient),
    rate: singularValues(gradient)[0] ?? 0,
    valueAndGradient(update) {
      const residual = difference(update, error);
      const at = multiply(multiply(s, residual), h);
      return { value: inner(residual, at) / 2, gradient: at };
    },
    roots: { left: cholesky(s)!, right: cholesky(h)! },
    leastCurvature: forms.leastCurvature,
  };
  return problem;
}
