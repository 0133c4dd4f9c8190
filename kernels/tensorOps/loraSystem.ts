/**
 * The flow of an adapter under every loss as batched tensor operations, in the factors of src/flow/normalization.ts: the
 * descent of the loss (structures/, a file for each kind), by which a motion (src/flow/motion.ts) moves them. The meaning
 * of the program; differentiable itself.
 */
import * as tf from '@tensorflow/tfjs';
import type { Tensor3D } from '@tensorflow/tfjs';
import { gradientMotion, type Motion } from '../../src/flow/motion.js';
import type { State, System } from '../../src/method/system.js';
import type { Structure, StructureOf } from '../../src/problem/structure.js';
import { rules } from './rules.js';
import { autodiff } from './structures/autodiff.js';
import { diagonal } from './structures/diagonal.js';
import { expansion } from './structures/expansion.js';
import { kronecker } from './structures/kronecker.js';
import { quadratic } from './structures/quadratic.js';
import { samples } from './structures/samples.js';
import type { Descent, DescentOf, Shape } from './structures/structure.js';
import { trace } from './structures/trace.js';

type Factors = [x: Tensor3D, y: Tensor3D];

/** The descent of every kind of structure. */
const descents: { readonly [Kind in Structure['kind']]: DescentOf<StructureOf<Kind>> } = {
  diagonal,
  quadratic,
  samples,
  kronecker,
  expansion,
  trace,
  autodiff,
};

/** The system of a problem's structure under a motion, for factors X [batch, n, width], Y [batch, m, width]. */
export function loraSystem(structure: Structure, shape: Shape, motion: Motion = gradientMotion): System {
  const descent = (descents[structure.kind] as DescentOf<Structure>)(structure, shape);
  const { over } = descent;
  return {
    ...movedBy(descent, motion),
    ...(over && { over: (samples) => ({ ...movedBy(over(samples), motion), dispose: () => undefined }) }),
    dispose: () => tf.dispose([...descent.constants]),
  };
}

/** A descent moved by a motion. */
function movedBy(descent: Pick<Descent, 'dX' | 'dY' | 'both'>, motion: Motion): Omit<System, 'dispose'> {
  const factors = (state: State) => [...state] as Factors;
  const both = ([x, y]: Factors): Factors => descent.both?.(x, y) ?? [descent.dX(x, y), descent.dY(x, y)];
  const one = (index: number, [x, y]: Factors) => (index === 0 ? descent.dX(x, y) : descent.dY(x, y));
  return {
    motion,
    derivative(state) {
      const [dX, dY] = both(factors(state));
      return [moved(0, dX, factors(state), motion), moved(1, dY, factors(state), motion)];
    },
    component: (index, state) => moved(index as 0 | 1, one(index, factors(state)), factors(state), motion),
    descents: (state) => both(factors(state)).map((d, i) => inside(i as 0 | 1, d, factors(state), motion)),
    descent: (index, state) => inside(index as 0 | 1, one(index, factors(state)), factors(state), motion),
  };
}

/** The derivative of X (index 0) or Y (1) from its descent, as src/flow/motion.ts has it. */
function moved(index: 0 | 1, descent: Tensor3D, factors: Factors, motion: Motion): Tensor3D {
  const { rule, damping, rates, decay } = motion;
  const z = factors[index];
  if (rates[index] === 0) return tf.zerosLike(z);
  return tf.tidy(() => {
    const by = rules[rule](index, inside(index, descent, factors, motion), factors, damping);
    const own = rates[index] === 1 ? by : tf.mul<Tensor3D>(by, rates[index]);
    return decay[index] === 0 ? own : tf.sub<Tensor3D>(own, tf.mul(z, decay[index]));
  });
}

/** What the rule of a motion is given of X (index 0) or Y (1); zeros where it is frozen. */
function inside(index: 0 | 1, descent: Tensor3D, factors: Factors, { rates, coupled }: Motion): Tensor3D {
  const z = factors[index];
  if (rates[index] === 0) return tf.zerosLike(z);
  return coupled[index] === 0 ? descent : tf.tidy(() => tf.sub(descent, tf.mul(z, coupled[index])));
}
