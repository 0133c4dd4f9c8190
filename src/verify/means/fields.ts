/**
 * The LoRA flow of a case in the adapter's own coordinates [B, A] and time t, evaluated by rankflow: on the host in
 * float64, on the backend, and its linearization by automatic differentiation.
 */
import * as tf from '@tensorflow/tfjs';
import type { Tensor3D } from '@tensorflow/tfjs';
import { moved, norm, type State64 } from '../../../kernels/cpu/state.js';
import { fieldOf, type Field, type HostField } from '../../../kernels/cpu/field.js';
import { dense, scaled, type Dense } from '../../numbers/dense.js';
import { multiplyTransposedLeft, multiplyTransposedRight } from '../../numbers/products.js';
import type { Adapter } from '../../ensemble/adapter.js';
import { gradientFlow } from '../../flow/flow.js';
import { clock } from '../../flow/normalization.js';
import { intoFrame, outOfFrame, type Factors } from '../../problem/factors.js';
import { download, upload } from '../../solver/batch.js';
import type { System } from '../../method/system.js';
import type { Case } from '../cases.js';
import type { Check, CheckContext } from '../check.js';
import { slopeByDefinition } from './definitions.js';
import { DELTA, gradientByDifferences, pointsOf } from './differences.js';
import type { HostLoss } from '../losses.js';
import { tensorStep } from './precision.js';
import type { VerificationSubject } from '../subject.js';

export const stateOf = ({ loraA, loraB }: Adapter): State64 => [loraB.data, loraA.data];

export const adapterOf = ({ problem, rank }: Case, [b, a]: State64): Adapter => ({
  loraB: dense(problem.n, rank, b),
  loraA: dense(rank, problem.m, a),
});

/** B^T B / kB and A A^T / kA [r, r]. */
export function grams(at: Case, state: State64): readonly [Dense, Dense] {
  const { loraB, loraA } = adapterOf(at, state);
  const { lrRatioA, lrRatioB } = at.coefficients;
  return [
    scaled(multiplyTransposedLeft(loraB, loraB), 1 / lrRatioB),
    scaled(multiplyTransposedRight(loraA, loraA), 1 / lrRatioA),
  ];
}

/** s B A [n, m]. */
export function updateOf({ problem: { n, m }, rank, coefficients }: Case, [b, a]: State64): Float64Array {
  const out = new Float64Array(n * m);
  for (let i = 0; i < n; i++)
    for (let k = 0; k < rank; k++) {
      const left = coefficients.scale * b![i * rank + k]!;
      for (let j = 0; j < m; j++) out[i * m + j]! += left * a![k * m + j]!;
    }
  return out;
}

/** W0 + s B A [n, m]. */
export const weightsAt = (at: Case, state: State64): Float64Array =>
  updateOf(at, state).map((value, i) => value + at.base.data[i]!);

/** Factors as its flow has them, in the problem's coordinates; linear, so tangents map alike. */
export function intoFlow(subject: VerificationSubject, at: Case, state: State64): Factors {
  return intoFrame(subject.toFactors(adapterOf(at, state), at.coefficients, at.flow), at.problem.frame);
}

/** [B, A] of factors in the problem's coordinates; linear. */
export const outOfFlow = (subject: VerificationSubject, at: Case, factors: Factors): State64 =>
  stateOf(subject.fromFactors(outOfFrame(factors, at.problem.frame), at.coefficients, at.flow));

/** Derivatives by the time of a flow's factors, as derivatives of [B, A] by time. */
function slopesOutOfFlow(subject: VerificationSubject, at: Case, slopes: Factors): State64 {
  const c = clock(at.coefficients, at.flow);
  return outOfFlow(subject, at, slopes).map((z) => z.map((value) => c * value));
}

const factorsFrom = ({ problem: { n, m }, rank }: Case, x: Float64Array, y: Float64Array): Factors => ({
  x: dense(n, rank, x),
  y: dense(m, rank, y),
});

/** Most entries of W that the gradient of a loss is taken by differences for, thousands of times over. */
const MOST_ENTRIES = 256;

/** Tests whether the host evaluates the flow of a case, in float64. */
export const isOnHost = ({ problem: { structure, n, m }, definition }: Case): boolean =>
  structure.kind !== 'autodiff' ||
  definition.hostGradient !== undefined ||
  (definition.host !== null && n * m <= MOST_ENTRIES);

/** Tests whether a check is float64 throughout, on the host. */
export const isHostOnly = ({ on }: Pick<Check, 'on'>, cases: readonly Case[]): boolean =>
  on === 'host' && cases.every(isOnHost);

/** The float64 flow; null for a loss that only a backend can evaluate. */
export function hostField(subject: VerificationSubject, at: Case): HostField | null {
  const { structure } = at.problem;
  const { host } = at.definition;
  if (structure.kind === 'autodiff') return isOnHost(at) ? fieldOfLoss(at, host!) : null;
  const field = fieldOf(subject.evaluator(structure), at.rank, subject.motionOf(at.coefficients, at.flow));
  return (states) =>
    states.map((state) => {
      const { x, y } = intoFlow(subject, at, state);
      const [slope] = field([[x.data, y.data]]);
      return slopesOutOfFlow(subject, at, factorsFrom(at, slope![0]!, slope![1]!));
    });
}

/** The flow of a case as it is defined, with G = grad f(W0 + s B A): dB/dt = -kB s G A^T, dA/dt = -kA s B^T G, or another. */
export function fieldOfLoss(at: Case, loss: HostLoss): HostField {
  const { rank: r, problem, coefficients } = at;
  const { m } = problem;
  const { scale } = coefficients;
  const gradient = at.definition.hostGradient ?? ((w) => gradientByDifferences(loss, w));
  return (states) =>
    states.map((state) => {
      const g = gradient(weightsAt(at, state));
      const [b, a] = state as readonly [Float64Array, Float64Array];
      const gB = new Float64Array(b.length);
      const gA = new Float64Array(a.length);
      g.forEach((value, entry) => {
        const [i, j] = [Math.floor(entry / m), entry % m];
        for (let k = 0; k < r; k++) {
          gB[i * r + k]! += scale * value * a[k * m + j]!;
          gA[k * m + j]! += scale * value * b[i * r + k]!;
        }
      });
      return slopeByDefinition(at, state, [gB, gA]);
    });
}

/** A case whose gradients have its coupled decay nu in them: they are those of f + nu/2 (|B|^2 + |A|^2). */
const coupledBefore = (at: Case): { readonly coupledDecay: number; readonly rest: Case } => {
  const { flow = gradientFlow } = at;
  return { coupledDecay: flow.coupledDecay, rest: { ...at, flow: { ...flow, coupledDecay: 0 } } };
};

const sumOfSquares = (z: Float64Array): number => z.reduce((sum, value) => sum + value * value, 0);

/**
 * The flow of a case as it is defined, its gradients of f(W0 + s B A), with the penalty of its coupled decay, by B and A
 * all by central differences: no flow equation.
 */
export function slopeByDifferences(at: Case, loss: HostLoss, state: State64): State64 {
  const [b, a] = state as readonly [Float64Array, Float64Array];
  const { coupledDecay, rest } = coupledBefore(at);
  const penalized = (...pair: [Float64Array, Float64Array]) =>
    loss(weightsAt(at, pair)) + (coupledDecay / 2) * (sumOfSquares(pair[0]) + sumOfSquares(pair[1]));
  const byB = gradientByDifferences((z) => penalized(z, a), b);
  const byA = gradientByDifferences((z) => penalized(b, z), a);
  return slopeByDefinition(rest, state, [byB, byA]);
}

/** A flow to compare with. */
export interface ReferenceField {
  readonly field: Field;
  /** True for a float64 flow; false in the precision of the backend, for a loss that only a backend can evaluate. */
  readonly float64: boolean;
  /** Step that differences of it are to be taken with. */
  readonly step: number;
  dispose(): void;
}

/** The float64 flow where there is one, else the backend's. */
export function referenceField({ subject, backend }: CheckContext, at: Case): ReferenceField {
  const field = hostField(subject, at);
  if (field) return { field, float64: true, step: DELTA, dispose: () => undefined };
  return { ...deviceField(subject, at), float64: false, step: tensorStep(backend) };
}

/** Applies the linearized flow at several states to a tangent each: DF(state) tangent. */
export type TangentField = (
  states: readonly State64[],
  tangents: readonly State64[],
) => Promise<readonly State64[]>;

/** Tangent field by central differences of the flow, along tangents of length 1. */
export const tangentsByDifferences =
  (field: Field, step: number): TangentField =>
  async (states, tangents) => {
    const points = pointsOf(step);
    const lengths = tangents.map(norm);
    const slopes = await field(
      states.flatMap((state, row) =>
        points.map(({ offset }) => moved(state, offset / (lengths[row] || 1), [1], [tangents[row]!])),
      ),
    );
    return states.map((state, row) =>
      moved(
        state.map((z) => new Float64Array(z.length)),
        lengths[row]!,
        points.map(({ weight }) => weight),
        slopes.slice(row * points.length, (row + 1) * points.length),
      ),
    );
  };

/** The flow on the backend: float32 inside, float64 outside. */
export interface DeviceField {
  readonly field: Field;
  readonly tangentField: TangentField;
  dispose(): void;
}

export function deviceField(subject: VerificationSubject, at: Case): DeviceField {
  const { rank, problem } = at;
  const { n, m } = problem;
  const motion = subject.motionOf(at.coefficients, at.flow);
  const system = subject.loraSystem(problem.structure, { n, m, width: rank }, motion);
  const shapes = [
    { rows: n, cols: rank },
    { rows: m, cols: rank },
  ];
  const toDevice = (states: readonly State64[]) =>
    upload(
      states.map((state) => {
        const { x, y } = intoFlow(subject, at, state);
        return [Float32Array.from(x.data), Float32Array.from(y.data)];
      }),
      shapes,
    );
  const fromDevice = async (slopes: readonly Tensor3D[]): Promise<State64[]> => {
    const rows = Array.from({ length: slopes[0]!.shape[0] }, (_, row) => row);
    const arrays = await download(slopes, rows);
    tf.dispose([...slopes]);
    return arrays.map(([dX, dY]) =>
      slopesOutOfFlow(subject, at, factorsFrom(at, Float64Array.from(dX!), Float64Array.from(dY!))),
    );
  };
  return {
    field: (states) => fromDevice(tf.tidy(() => system.derivative(toDevice(states)))),
    tangentField: (states, tangents) =>
      fromDevice(tf.tidy(() => jacobianVectorProduct(system, toDevice(states), toDevice(tangents)))),
    dispose: () => system.dispose(),
  };
}

/**
 * DF(z) v of a system by reverse-mode differentiation alone: u -> DF(z)^T u is linear, and its own transpose is
 * DF(z). Symmetry of DF is not used.
 */
function jacobianVectorProduct(system: System, z: readonly Tensor3D[], v: readonly Tensor3D[]): Tensor3D[] {
  const inner = (a: readonly tf.Tensor[], b: readonly tf.Tensor[]) =>
    tf.addN(a.map((value, i) => tf.sum<tf.Scalar>(tf.mul(value, b[i]!))));
  const transposed = (u: tf.Tensor[]) =>
    tf.grads((...at) => inner(system.derivative(at as Tensor3D[]), u))([...z]);
  const anywhere = z.map((component) => tf.zerosLike(component));
  return tf.grads((...u) => inner(transposed(u), v))(anywhere) as Tensor3D[];
}

/**
 * The flow of a case as it is defined, its gradients of f(W0 + s B A), with the penalty of its coupled decay, by B and A
 * by automatic differentiation of the composed loss: nothing of the hand-derived flow.
 */
export async function slopesByAutodiff(at: Case, states: readonly State64[]): Promise<readonly State64[]> {
  const { problem, rank, coefficients, definition, base } = at;
  const { n, m } = problem;
  const { scale } = coefficients;
  const { coupledDecay, rest } = coupledBefore(at);
  const gradients = tf.tidy(() => {
    const [b, a] = upload(
      states.map((state) => state.map((z) => Float32Array.from(z))),
      [
        { rows: n, cols: rank },
        { rows: rank, cols: m },
      ],
    );
    const w0 = tf.tensor2d(Float32Array.from(base.data), [n, m]);
    const loss = (...[atB, atA]: tf.Tensor[]) => {
      const update = tf.mul(tf.matMul(atB as Tensor3D, atA as Tensor3D), scale);
      const value = tf.sum<tf.Scalar>(definition.tensor(tf.add(w0, update)));
      if (coupledDecay === 0) return value;
      const squares = tf.add(tf.sum(tf.square(atB!)), tf.sum(tf.square(atA!)));
      return tf.add<tf.Scalar>(value, tf.mul(squares, coupledDecay / 2));
    };
    return tf.grads(loss)([b!, a!]) as Tensor3D[];
  });
  const arrays = await download(
    gradients,
    states.map((_, row) => row),
  );
  tf.dispose(gradients);
  return arrays.map((gradient, row) =>
    slopeByDefinition(
      rest,
      states[row]!,
      gradient.map((z) => Float64Array.from(z)),
    ),
  );
}
