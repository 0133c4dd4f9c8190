/** What is kept of a trajectory at a save point, in float64: functionals of the state, not the state. */
import * as tf from '@tensorflow/tfjs';
import { evaluator, lossOf } from '../../kernels/cpu/evaluate.js';
import { gradientMotion, type Motion } from '../flow/motion.js';
import type { Evaluate } from '../../kernels/cpu/structures/structure.js';
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

/** What is measured of a state, for one evaluation gives all of it, and a device may be the one that makes it. */
export interface Measured {
  readonly loss: number;
  readonly excess: number | null;
  readonly distance: number | null;
  /** Squared norms of the descent of X and of Y. */
  readonly slopeX: number;
  readonly slopeY: number;
  /** |X^T X / wX - Y^T Y / wY|^2 for the weights of both. */
  readonly imbalance: number;
}

type Saved = SavePoint & Partial<Observation>;

/** Observes factors X [n, r], Y [m, r] of a trajectory with the given clock (tau / t). */
export interface Observer {
  /** Whether save points have all that is measured, or the loss alone. */
  readonly savesAll: boolean;
  /** Whether save points take more than what is measured, and so need factors. */
  readonly savesLook: boolean;
  /**
   * @param factors null where `savesLook` is not, and the state was measured
   * @param measured what the device has measured; left out: it is measured here
   */
  save(
    factors: Factors | null,
    clock: number,
    time: number,
    measured?: Measured | Pick<Measured, 'loss'>,
  ): Saved | Promise<Saved>;
  last(
    factors: Factors,
    clock: number,
    time: number,
    measured?: Measured,
  ): Observation | Promise<Observation>;
}

/** Singular values are O((n + m) r^2) more work for each save time; a built-in loss alone is a third of the rest. */
export function observer(
  { structure, n, m, risk }: Pick<Problem, 'structure' | 'n' | 'm' | 'risk'>,
  { weights: [weightX, weightY] }: Pick<Motion, 'weights'>,
  detail: Detail,
  task: ObserveTask | null = null,
): Observer {
  const riskNow = risk ? riskAt(risk) : null;
  const observables = task && observablesOf({ structure }, { weights: [weightX, weightY] }, task);
  const measuredOf = ({ loss, excess, dX, dY, distance, xx, yy }: Evaluated): Measured => {
    const imbalance = xx.map((value, i) => value / weightX - yy[i]! / weightY);
    return {
      ...{ loss, excess, distance },
      ...{ slopeX: dot(dX, dX), slopeY: dot(dY, dY), imbalance: dot(imbalance, imbalance) },
    };
  };
  const observationOf = (
    factors: Factors | null,
    clock: number,
    time: number,
    { loss, excess, distance, slopeX, slopeY, imbalance }: Measured,
  ): Observation => ({
    time,
    loss,
    risk: riskNow && riskNow(factors!),
    excess,
    gradientNorm: Math.sqrt(clock * (weightX * slopeX + weightY * slopeY)),
    balancedness: weightX * weightY > 0 ? Math.sqrt(imbalance) / clock : null,
    distance,
    singularValues: detail === 'singular-values' ? updateSingularValues(factors!) : null,
    observables: observables && observables(factors!, clock),
  });
  const savesAll = detail !== 'loss' || structure.kind === 'autodiff';
  const savesLook = riskNow !== null || (savesAll && (detail === 'singular-values' || Boolean(observables)));
  if (structure.kind === 'autodiff') {
    const evaluate = onDevice(structure, n, m);
    const all = async (factors: Factors | null, clock: number, time: number) =>
      observationOf(factors, clock, time, measuredOf(await evaluate(factors!)));
    return { savesAll, savesLook, save: all, last: all };
  }
  const evaluate = evaluator(structure);
  const measuredAt = ({ x, y }: Factors) => measuredOf(evaluate(x.data, y.data, x.cols));
  const all = (factors: Factors | null, clock: number, time: number, measured = measuredAt(factors!)) =>
    observationOf(factors, clock, time, measured);
  if (savesAll)
    return {
      ...{ savesAll, savesLook, last: all },
      save: (factors, clock, time, measured) => all(factors, clock, time, measured as Measured | undefined),
    };
  const lossAt = lossOf(structure);
  const lossHere = ({ x, y }: Factors) => lossAt(x.data, y.data, x.cols);
  return {
    ...{ savesAll, savesLook, last: all },
    save: (factors, _, time, measured) => ({
      time,
      loss: measured ? measured.loss : lossHere(factors!),
      risk: riskNow && riskNow(factors!),
    }),
  };
}

type Evaluated = ReturnType<Evaluate>;

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
