/**
 * The LoRA flow of every loss as batched tensor operations, in normalized factors (src/method/system.ts):
 * dX = -G Y, dY = -G^T X. The meaning of the program; differentiable itself.
 */
import * as tf from '@tensorflow/tfjs';
import type { Tensor2D, Tensor3D } from '@tensorflow/tfjs';
import type { Dense } from '../../src/numbers/dense.js';
import type { State, System } from '../../src/method/system.js';
import type { Structure, TensorLoss } from '../../src/problem/problem.js';
import { gram, matMul, product } from './matMul.js';

export interface Shape {
  readonly n: number;
  readonly m: number;
  /** Width of the factors: the rank, or more with zero columns. */
  readonly width: number;
}

/** dX and dY as functions of the state, sharing what both need. */
interface Flow {
  dX(x: Tensor3D, y: Tensor3D): Tensor3D;
  dY(x: Tensor3D, y: Tensor3D): Tensor3D;
  both?(x: Tensor3D, y: Tensor3D): [Tensor3D, Tensor3D];
  constants: Tensor2D[];
}

/** The system of a problem's structure for factors X [batch, n, width], Y [batch, m, width]. */
export function loraSystem(structure: Structure, shape: Shape): System {
  const flow = flowOf(structure, shape);
  const factors = (state: State) => state as readonly [Tensor3D, Tensor3D];
  return {
    derivative(state) {
      const [x, y] = factors(state);
      return flow.both ? flow.both(x, y) : [flow.dX(x, y), flow.dY(x, y)];
    },
    component(index, state) {
      const [x, y] = factors(state);
      return index === 0 ? flow.dX(x, y) : flow.dY(x, y);
    },
    dispose: () => tf.dispose(flow.constants),
  };
}

function flowOf(structure: Structure, shape: Shape): Flow {
  switch (structure.kind) {
    case 'diagonal':
      return diagonal(structure.sigma, shape);
    case 'quadratic':
      return quadratic(structure.error, structure.covariance);
    case 'trace':
      return trace(structure.trace0);
    case 'autodiff':
      return autodiff(structure.base, structure.loss);
  }
}

export const tensor2d = ({ rows, cols, data }: Dense): Tensor2D =>
  tf.tensor2d(Float32Array.from(data), [rows, cols]);

/** E = diag(sigma): dX = E Y - X (Y^T Y), dY = E^T X - Y (X^T X), two Gram matrices and no [n, m] matrix. */
function diagonal(sigma: Float64Array, { n, m, width }: Shape): Flow {
  const k = sigma.length;
  const tiled = new Float32Array(k * width).map((_, i) => sigma[Math.floor(i / width)] as number);
  const sigmas = tf.tensor2d(tiled, [k, width]);
  /** diag(sigma) z with `rows` rows, whatever rows z has. */
  const scaled = (z: Tensor3D, rows: number): Tensor3D => {
    const [batch, have] = z.shape;
    const product = tf.mul<Tensor3D>(have > k ? z.slice([0, 0, 0], [batch, k, width]) : z, sigmas);
    return rows > k ? tf.concat([product, tf.zeros([batch, rows - k, width])], 1) : product;
  };
  return {
    dX: (x, y) => tf.tidy(() => tf.sub(scaled(y, n), matMul(x, gram(y, y)))),
    dY: (x, y) => tf.tidy(() => tf.sub(scaled(x, m), matMul(y, gram(x, x)))),
    constants: [sigmas],
  };
}

/** With P = E H: dX = P Y - X (Y^T H Y), dY = P^T X - H Y (X^T X). */
function quadratic(error: Dense, covariance: Dense | null): Flow {
  const e = tensor2d(error);
  const h = covariance && tensor2d(covariance);
  const p = h ? tf.matMul<Tensor2D>(e, h) : e.clone();
  const pT = p.transpose<Tensor2D>();
  e.dispose();
  const weighted = (y: Tensor3D) => (h ? matMul(h, y) : y);
  const dX = (x: Tensor3D, y: Tensor3D, hy: Tensor3D) =>
    tf.sub<Tensor3D>(matMul(p, y), matMul(x, gram(y, hy)));
  const dY = (x: Tensor3D, hy: Tensor3D) => tf.sub<Tensor3D>(matMul(pT, x), matMul(hy, gram(x, x)));
  return {
    dX: (x, y) => tf.tidy(() => dX(x, y, weighted(y))),
    dY: (x, y) => tf.tidy(() => dY(x, weighted(y))),
    both: (x, y) =>
      tf.tidy(() => {
        const hy = weighted(y);
        return [dX(x, y, hy), dY(x, hy)];
      }),
    constants: h ? [p, pT, h] : [p, pT],
  };
}

/** G = p I with p = trace0 + tr(X Y^T): dX = -p Y, dY = -p X. */
function trace(trace0: number): Flow {
  const p = (x: Tensor3D, y: Tensor3D) => tf.sum(tf.mul(x, y), [1, 2], true).add(trace0);
  const step = (z: Tensor3D, x: Tensor3D, y: Tensor3D) => tf.mul<Tensor3D>(z, p(x, y).neg());
  return {
    dX: (x, y) => tf.tidy(() => step(y, x, y)),
    dY: (x, y) => tf.tidy(() => step(x, x, y)),
    both: (x, y) =>
      tf.tidy(() => {
        const minusP = p(x, y).neg();
        return [tf.mul<Tensor3D>(y, minusP), tf.mul<Tensor3D>(x, minusP)];
      }),
    constants: [],
  };
}

/** Gradient [batch, n, m] of a custom loss at W [batch, n, m]. */
export const autodiffGradient = (loss: TensorLoss, w: Tensor3D): Tensor3D =>
  tf.grad((v: tf.Tensor) => tf.sum(loss(v as Tensor3D)))(w) as Tensor3D;

/** G = grad loss(W0 + X Y^T) by reverse-mode differentiation. */
function autodiff(base: Dense, loss: TensorLoss): Flow {
  const w0 = tensor2d(base);
  const gradient = (x: Tensor3D, y: Tensor3D) =>
    autodiffGradient(loss, tf.add(w0, product(x, y, false, true)));
  const dX = (g: Tensor3D, y: Tensor3D) => tf.neg<Tensor3D>(matMul(g, y));
  const dY = (g: Tensor3D, x: Tensor3D) => tf.neg<Tensor3D>(product(g, x, true));
  return {
    dX: (x, y) => tf.tidy(() => dX(gradient(x, y), y)),
    dY: (x, y) => tf.tidy(() => dY(gradient(x, y), x)),
    both: (x, y) =>
      tf.tidy(() => {
        const g = gradient(x, y);
        return [dX(g, y), dY(g, x)];
      }),
    constants: [w0],
  };
}
