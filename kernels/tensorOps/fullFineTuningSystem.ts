/** Full fine-tuning of a custom loss as tensor operations: dW/dt = -grad f(W), W [batch, n, m]. */
import * as tf from '@tensorflow/tfjs';
import { gradientMotion } from '../../src/flow/motion.js';
import type { State, System } from '../../src/method/system.js';
import type { TensorLoss } from '../../src/problem/structure.js';
import { autodiffGradient } from './structures/autodiff.js';

export function fullFineTuningSystem(loss: TensorLoss): System {
  const derivative = ([w]: readonly tf.Tensor3D[]) =>
    tf.tidy(() => tf.neg(autodiffGradient(loss, w as tf.Tensor3D)));
  const [all, one] = [(state: State) => [derivative(state)], (_: number, state: State) => derivative(state)];
  return {
    motion: gradientMotion,
    derivative: all,
    component: one,
    descents: all,
    descent: one,
    dispose: () => undefined,
  };
}
