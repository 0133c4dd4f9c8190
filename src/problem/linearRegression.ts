/**
 * Linear regression with input covariance H: f(W) = 1/2 tr((W - M) H (W - M)^T), E = M - W0. With H = I it is the
 * Frobenius loss.
 */
import { EigenvalueDecomposition, Matrix, SingularValueDecomposition } from 'ml-matrix';
import { toMatrix, type Dense } from '../dense.js';
import { InputError } from '../inputError.js';
import type { Problem } from './problem.js';
import { quadraticForm } from './quadraticForm.js';
import { leadingRows } from './spectralDirections.js';
import { tailEnergy } from './tailEnergy.js';

/**
 * The problem with E [n, m] and H [m, m].
 * @throws InputError if H has the wrong shape, is not symmetric or not positive definite
 */
export function linearRegression(error: Dense, covariance: Dense): Problem {
  const { values, vectors } = eigendecomposition(covariance, error.cols);
  const e = toMatrix(error);
  const rotated = e.mmul(vectors);
  const whitened = rotated.clone().mulRowVector(values.map(Math.sqrt));
  const sigma = Float64Array.from(
    new SingularValueDecomposition(whitened, { autoTranspose: true }).diagonal,
  );
  const gradient = new SingularValueDecomposition(e.mmul(toMatrix(covariance)), { autoTranspose: true });
  // Energy of E along each eigenvector of H, which full fine-tuning removes at its own rate.
  const energies = values.map((value, j) => value * rotated.getColumnVector(j).norm() ** 2);
  return {
    loss: 'linear-regression',
    n: error.rows,
    m: error.cols,
    structure: { kind: 'quadratic', error, covariance },
    frame: null,
    initialLoss: tailEnergy(sigma, 0) / 2,
    optimum: (rank) => tailEnergy(sigma, rank) / 2,
    fullFineTuningLoss: (t) =>
      energies.reduce((sum, energy, j) => sum + energy * Math.exp(-2 * (values[j] as number) * t), 0) / 2,
    spectralDirections: (rank) => leadingRows(gradient.rightSingularVectors, rank),
    rate: gradient.diagonal[0] ?? 0,
    valueAndGradient: (update) => quadraticForm(error, covariance, update),
  };
}

function eigendecomposition(covariance: Dense, m: number): { values: number[]; vectors: Matrix } {
  const shape = `${covariance.rows} x ${covariance.cols}`;
  if (covariance.rows !== m || covariance.cols !== m) {
    throw new InputError('covariance', shape, `${m} x ${m}, as wide as the target`);
  }
  const h = toMatrix(covariance);
  const asymmetry = Matrix.sub(h, h.transpose()).norm() / h.norm();
  // Rounding of a float32 file leaves at most a few 1e-7.
  if (!(asymmetry < 1e-5)) throw new InputError('covariance', `relative asymmetry ${asymmetry}`, 'symmetric');
  const symmetric = Matrix.add(h, h.transpose()).mul(0.5);
  const { realEigenvalues, eigenvectorMatrix } = new EigenvalueDecomposition(symmetric, {
    assumeSymmetric: true,
  });
  const smallest = Math.min(...realEigenvalues);
  if (!(smallest > 0)) throw new InputError('covariance', `smallest eigenvalue ${smallest}`, 'positive definite');
  return { values: realEigenvalues, vectors: eigenvectorMatrix };
}
