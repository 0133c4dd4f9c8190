/**
 * The flow of an adapter under every loss as batched tensor operations, in the factors of src/flow/normalization.ts: the
 * descent of the loss (structures/, a file for each kind), by which a motion (src/flow/motion.ts) moves them. The meaning of the program;
 * differentiable itself.
 */
import * as tf from '@tensorflow/tfjs';
import type { Tensor3D } from '@tensorflow/tfjs';
import { gradientMotion, type Motion } from '../../src/flow/motion.js';
import type { State, System } from '../../src/method/system.js';
import type { Structure, StructureOf } from '../../src/problem/structure.js';
import { rules } from './rules.js';
import { autodiff } from './structures/autodiff.js';
import { diagonal } from './structures/diagonal.js';
import { kronecker } from './structures/kronecker.js';
import { quadratic } from './structures/quadratic.js';
import type { DescentOf, Shape } from './structures/structure.js';
import { trace } from './structures/trace.js';

/** The descent of every kind of structure. */
const descents: { readonly [Kind in Structure['kind']]: DescentOf<StructureOf<Kind>> } = {
  diagonal,
  quadratic,
  kronecker,
  trace,
  autodiff,
};

/** The system of a problem's structure under a motion, for factors X [batch, n, width], Y [batch, m, width]. */
export function loraSystem(structure: Structure, shape: Shape, motion: Motion = gradientMotion): System {
  const descent = (descents[structure.kind] as DescentOf<Structure>)(structure, shape);
  const factors = (state: State) => state as readonly [Tensor3D, Tensor3D];
  const frozen = motion.rates.indexOf(0);
  return {
    ...(frozen >= 0 && { frozen }),
    derivative(state) {
      const [x, y] = factors(state);
      const [dX, dY] = descent.both?.(x, y) ?? [descent.dX(x, y), descent.dY(x, y)];
      return [moved(0, dX, [x, y], motion), moved(1, dY, [x, y], motion)];
    },
    component(index, state) {
      const [x, y] = factors(state);
      return index === 0
        ? moved(0, descent.dX(x, y), [x, y], motion)
        : moved(1, descent.dY(x, y), [x, y], motion);
    },
    dispose: () => tf.dispose([...descent.constants]),
  };
}

/** The derivative of X (index 0) or Y (1) from its descent, as src/flow/motion.ts has it. */
function moved(
  index: 0 | 1,
  descent: Tensor3D,
  factors: readonly [Tensor3D, Tensor3D],
  { rule, damping, rates, coupled, decay }: Motion,
): Tensor3D {
  const z = factors[index];
  if (rates[index] === 0) return tf.zerosLike(z);
  return tf.tidy(() => {
    const inside = coupled[index] === 0 ? descent : tf.sub<Tensor3D>(descent, tf.mul(z, coupled[index]));
    const by = rules[rule](index, inside, factors, damping);
    const own = rates[index] === 1 ? by : tf.mul<Tensor3D>(by, rates[index]);
    return decay[index] === 0 ? own : tf.sub<Tensor3D>(own, tf.mul(z, decay[index]));
  });
}
