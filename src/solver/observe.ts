/** What is kept of a trajectory at a save point, in float64: functionals of the state, not the state. */
import * as tf from '@tensorflow/tfjs';
import { evaluator, lossOf } from '../../kernels/cpu/evaluate.js';
import { gradientMotion, type Motion } from '../flow/motion.js';
import type { Evaluate } from '../../kernels/cpu/structures/structure.js';
import type { HostStructure } from '../problem/structure.js';
import { dot, gram } from '../numbers/gram.js';
import { loraSystem } from '../../kernels/tensorOps/loraSystem.js';
import { tensor2d } from '../../kernels/tensorOps/tensor2d.js';
import type { Factors } from '../problem/factors.js';
import type { Problem } from '../problem/problem.js';
import { riskAt } from '../problem/risk.js';
import type { Structure } from '../problem/structure.js';
import { observablesOf, type Observables, type ObserveTask } from './observables.js';
import { updateSingularValues } from '../numbers/updateSingularValues.js';

/** Observation of a trajectory at a save time, whatever the detail. */
export interface SavePoint {
  /** Time t. */
  readonly time: number;
  readonly loss: number;
  /** Squared error against the clean target (src/problem/risk.ts); null where training sees that target itself. */
  readonly risk: number | null;
}

export interface Observation extends SavePoint {
  /**
   * sqrt(kB |df/dB|^2 + kA |df/dA|^2), whose square is -df/dt along the gradient flow (Rushka & Klabjan 2026).
   */
  readonly gradientNorm: number;
  /** |B^T B / kB - A A^T / kA|_F, which the gradient flow conserves; null where a factor is frozen. */
  readonly balancedness: number | null;
  /** |s B A - D|_F, D the update that full fine-tuning ends with; null if that is unknown. */
  readonly distance: number | null;
  /** Loss above the least of the rank, without cancellation; null where it is no more than a difference. */
  readonly excess: number | null;
  /** Singular values of s B A, largest first [r]. */
  readonly singularValues: readonly number[] | null;
  /** What else was asked for; null if nothing was. */
  readonly observables: Observables | null;
}

/** Whether all that is measured of a state is a finite number. */
export const isFiniteObservation = (observation: Observation): boolean =>
  [
    observation.loss,
    observation.risk ?? 0,
    observation.gradientNorm,
    observation.balancedness ?? 0,
    observation.distance ?? 0,
    ...(observation.singularValues ?? []),
  ].every(Number.isFinite);

/** How much is kept at save times: the loss, or all there is, with singular values or without. */
export const details = ['loss', 'flow', 'singular-values'] as const;
export type Detail = (typeof details)[number];

/** Observes factors X [n, r], Y [m, r] of a trajectory with the given clock (tau / t). */
export interface Observer {
  save(factors: Factors, clock: number, time: number): Promise<SavePoint & Partial<Observation>>;
  last(factors: Factors, clock: number, time: number): Promise<Observation>;
}

/** Singular values are O((n + m) r^2) more work for each save time; a built-in loss alone is a third of the rest. */
export function observer(
  { structure, n, m, risk }: Pick<Problem, 'structure' | 'n' | 'm' | 'risk'>,
  { weights: [weightX, weightY] }: Pick<Motion, 'weights'>,
  detail: Detail,
  task: ObserveTask | null = null,
): Observer {
  const evaluate = structure.kind === 'autodiff' ? onDevice(structure, n, m) : onHost(structure);
  const riskNow = risk ? riskAt(risk) : () => null;
  const observables = task && observablesOf({ structure }, { weights: [weightX, weightY] }, task);
  const all = async (factors: Factors, clock: number, time: number): Promise<Observation> => {
    const { loss, excess, dX, dY, distance, xx, yy } = await evaluate(factors);
    const imbalance = xx.map((value, i) => value / weightX - yy[i]! / weightY);
    return {
      time,
      loss,
      risk: riskNow(factors),
      excess,
      gradientNorm: Math.sqrt(clock * (weightX * dot(dX, dX) + weightY * dot(dY, dY))),
      balancedness: weightX * weightY > 0 ? Math.sqrt(dot(imbalance, imbalance)) / clock : null,
      distance,
      singularValues: detail === 'singular-values' ? updateSingularValues(factors) : null,
      observables: observables && observables(factors, clock),
    };
  };
  if (detail !== 'loss' || structure.kind === 'autodiff') return { save: all, last: all };
  const lossAt = lossOf(structure);
  return {
    save: (factors, _, time) => {
      const { x, y } = factors;
      return Promise.resolve({ time, loss: lossAt(x.data, y.data, x.cols), risk: riskNow(factors) });
    },
    last: all,
  };
}

type Evaluated = ReturnType<Evaluate>;

function onHost(structure: HostStructure): (factors: Factors) => Evaluated {
  const evaluate = evaluator(structure);
  return ({ x, y }) => evaluate(x.data, y.data, x.cols);
}

/** Evaluates a state in float32 on the device, where the loss is a TensorFlow.js function. */
function onDevice(structure: Extract<Structure, { kind: 'autodiff' }>, n: number, m: number) {
  return async ({ x, y }: Factors): Promise<Evaluated> => {
    const system = loraSystem(structure, { n, m, width: x.cols }, gradientMotion);
    const tensors = tf.tidy(() => {
      const state = [tensor2d(x).expandDims<tf.Tensor3D>(0), tensor2d(y).expandDims<tf.Tensor3D>(0)] as const;
      const w = tf.add<tf.Tensor3D>(tensor2d(structure.base), tf.matMul(state[0], state[1], false, true));
      return [structure.loss(w), ...system.derivative(state)];
    });
    const [loss, dX, dY] = await Promise.all(tensors.map(async (t) => Float64Array.from(await t.data())));
    tf.dispose(tensors);
    system.dispose();
    const [xx, yy] = [gram(x.data, x.data, x.cols), gram(y.data, y.data, y.cols)];
    return { loss: loss![0]!, excess: null, dX: dX!, dY: dY!, distance: null, xx, yy };
  };
}
