/**
 * The LoRA flow of every loss as batched tensor operations, in normalized factors (src/method/system.ts): the descent
 * of the loss (structures/, a file for each kind), moved by a flow (src/flow). The meaning of the program;
 * differentiable itself.
 */
import * as tf from '@tensorflow/tfjs';
import type { Tensor3D } from '@tensorflow/tfjs';
import { gradientFlow, type Flow } from '../../src/flow/flow.js';
import type { State, System } from '../../src/method/system.js';
import type { Structure, StructureOf } from '../../src/problem/structure.js';
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

/** The system of a problem's structure under a flow, for factors X [batch, n, width], Y [batch, m, width]. */
export function loraSystem(structure: Structure, shape: Shape, flow: Flow = gradientFlow): System {
  const descent = (descents[structure.kind] as DescentOf<Structure>)(structure, shape);
  const factors = (state: State) => state as readonly [Tensor3D, Tensor3D];
  return {
    derivative(state) {
      const [x, y] = factors(state);
      const [dX, dY] = descent.both?.(x, y) ?? [descent.dX(x, y), descent.dY(x, y)];
      return [flow.derivative(0, dX, [x, y]), flow.derivative(1, dY, [x, y])];
    },
    component(index, state) {
      const [x, y] = factors(state);
      return flow.derivative(index, index === 0 ? descent.dX(x, y) : descent.dY(x, y), [x, y]);
    },
    dispose: () => tf.dispose([...descent.constants]),
  };
}
