/**
 * The sharpness of a loss at a state: the largest eigenvalue of its Hessian in (B, A), in the metric of the
 * learning-rate ratios, of which gradient descent takes steps below 2 over it without leaving along that direction.
 */
import { evaluator } from '../../../kernels/cpu/evaluate.js';
import type { Motion } from '../../flow/motion.js';
import { largestEigenvalue } from '../../numbers/largestEigenvalue.js';
import { norm } from '../../numbers/norm.js';
import type { Factors } from '../../problem/factors.js';
import type { HostStructure } from '../../problem/structure.js';

/**
 * The largest eigenvalue of K^1/2 (Hessian of f in B and A) K^1/2, K = diag(kB, kA), per unit of time t, in float64: an
 * eigenvalue of it multiplies a deviation by 1 - h lambda in a step h of gradient descent.
 */
export function sharpnessOf(
  structure: HostStructure,
  { weights: [weightX, weightY] }: Pick<Motion, 'weights'>,
): (factors: Factors, clock: number) => number | null {
  const evaluate = evaluator(structure);
  return ({ x, y }, clock) => {
    const [sizeX, size] = [x.data.length, x.data.length + y.data.length];
    const [rootX, rootY] = [Math.sqrt(weightX), Math.sqrt(weightY)];
    /** The descent at Z + step V, both as one vector. */
    const descent = (vector: Float64Array, step: number): Float64Array => {
      const at = (z: Float64Array, from: number, root: number) =>
        z.map((value, i) => value + step * root * vector[from + i]!);
      const { dX, dY } = evaluate(at(x.data, 0, rootX), at(y.data, sizeX, rootY), x.cols);
      const out = new Float64Array(size);
      dX.forEach((value, i) => (out[i] = rootX * value));
      dY.forEach((value, i) => (out[sizeX + i] = rootY * value));
      return out;
    };
    // f is quadratic in X Y^T, so that along a line the descent is a cubic, whose slope these differences give exactly,
    // whatever the step. One of the size of the state leaves the least rounding.
    const unit = Math.hypot(norm(x.data), norm(y.data)) || 1;
    const lambda = largestEigenvalue(size, (vector) => {
      const [ahead, behind, far, back] = [unit, -unit, 2 * unit, -2 * unit].map((h) => descent(vector, h));
      return vector.map((_, i) => -(8 * (ahead![i]! - behind![i]!) - (far![i]! - back![i]!)) / (12 * unit));
    });
    return lambda === null ? null : clock * lambda;
  };
}
