/**
 * The float64 twin of one step of a method (src/method/step.ts), in plain loops: several states at once, each with a
 * step size of its own. A step is written once, as a generator that asks for derivatives and is answered either at once
 * or, where a device has to be waited for, later.
 */
import { ERROR_OF_CHANGE, ERROR_OF_SLOPES } from '../../src/method/control.js';
import type { UpdateOrder } from '../../src/method/method.js';
import type { ChebyshevStages } from '../../src/method/stabilized.js';
import { firstSameAsLast, type Tableau } from '../../src/method/tableau.js';
import { gradientFlow, type Flow } from '../../src/flow/flow.js';
import type { Evaluate } from './structures/structure.js';

/** The components of one state. */
export type State64 = readonly Float64Array[];

/** Time derivatives of several states. */
export type HostField = (states: readonly State64[]) => readonly State64[];

/** The same; a promise where a device is asked. */
export type Field = (states: readonly State64[]) => readonly State64[] | Promise<readonly State64[]>;

/** The field of [X, Y] of a rank: a flow of the descent that an evaluation gives. */
export const fieldOf =
  (evaluate: Evaluate, rank: number, flow: Flow = gradientFlow): HostField =>
  (states) =>
    states.map((state) => {
      const [x, y] = state as [Float64Array, Float64Array];
      const { dX, dY } = evaluate(x, y, rank);
      return [flow.derivative(0, dX, [x, y]), flow.derivative(1, dY, [x, y])];
    });

/** Asks for the derivatives of states, one question after another, and returns T. */
export type Asking<T> = Generator<readonly State64[], T, readonly State64[]>;

/** What comes of it where the field answers at once. */
export function answered<T>(asking: Asking<T>, field: HostField): T {
  let turn = asking.next();
  while (!turn.done) turn = asking.next(field(turn.value));
  return turn.value;
}

/** What comes of it where the field may have to be waited for. */
export async function awaited<T>(asking: Asking<T>, field: Field): Promise<T> {
  let turn = asking.next();
  while (!turn.done) turn = asking.next(await field(turn.value));
  return turn.value;
}

/** state + h sum_j weights_j slopes_j. */
export const moved = (
  state: State64,
  h: number,
  weights: readonly number[],
  slopes: readonly State64[],
): State64 =>
  state.map((z, component) => {
    const out = z.slice();
    weights.forEach((weight, j) => {
      if (weight === 0) return;
      const slope = slopes[j]![component]!;
      for (let i = 0; i < out.length; i++) out[i]! += h * weight * slope[i]!;
    });
    return out;
  });

const zeros = (state: State64): State64 => state.map((z) => new Float64Array(z.length));

/** What a step leaves behind of each state. */
export interface Step64 {
  readonly next: readonly State64[];
  /** The derivative at `next` with a first-same-as-last tableau or a stabilized method, else at the start. */
  readonly slope: readonly State64[];
  /** The estimated error divided by h; null without an estimate. */
  readonly error: readonly State64[] | null;
}

/** An explicit Runge-Kutta step of size h [states] from states whose derivatives are `first`. */
export function* rungeKutta(
  tableau: Tableau,
  states: readonly State64[],
  first: readonly State64[],
  h: readonly number[],
): Asking<Step64> {
  const { a, b, embedded } = tableau;
  const stages = [first];
  const slopesOf = (row: number) => stages.map((stage) => stage[row]!);
  let points = states;
  for (const weights of a.slice(1)) {
    points = states.map((state, row) => moved(state, h[row]!, weights, slopesOf(row)));
    stages.push(yield points);
  }
  const errorWeights = embedded && b.map((weight, i) => weight - embedded.b[i]!);
  const sharesLast = firstSameAsLast(tableau);
  return {
    next: sharesLast ? points : states.map((state, row) => moved(state, h[row]!, b, slopesOf(row))),
    slope: sharesLast ? stages.at(-1)! : first,
    error: errorWeights
      ? states.map((state, row) => moved(zeros(state), 1, errorWeights, slopesOf(row)))
      : null,
  };
}

/**
 * A Runge-Kutta-Chebyshev step (src/method/stabilized.ts) of size h from a state whose derivative is `first`.
 */
export function* chebyshev(
  stages: ChebyshevStages,
  state: State64,
  first: State64,
  h: number,
): Asking<Step64> {
  let [before, last] = [state, moved(state, h, [stages.first], [first])];
  for (const { mu, nu, muTilde, gammaTilde } of stages.rest) {
    const [slope] = yield [last];
    const mixed = moved(zeros(state), 1, [1 - mu - nu, mu, nu], [state, last, before]);
    [before, last] = [last, moved(mixed, h, [muTilde, gammaTilde], [slope!, first])];
  }
  const [slope] = yield [last];
  const weights = [ERROR_OF_CHANGE / h, -ERROR_OF_CHANGE / h, ERROR_OF_SLOPES, ERROR_OF_SLOPES];
  const error = moved(zeros(state), 1, weights, [state, last, first, slope!]);
  return { next: [last], slope: [slope!], error: [error] };
}

/** The first component that an order updates; null if it updates both at once. */
const firstOf = { simultaneous: null, 'a-then-b': 1, 'b-then-a': 0 } as const;

/**
 * A gradient-descent step with learning rate h [states] from states [B, A] (or [X, Y]). `slope` is made of the
 * derivatives that components were moved along.
 */
export function* gradientDescent(
  order: UpdateOrder,
  states: readonly State64[],
  h: readonly number[],
): Asking<Pick<Step64, 'next' | 'slope'>> {
  const start = yield states;
  const next = states.map((state, row) => moved(state, h[row]!, [1], [start[row]!]));
  const first = firstOf[order];
  if (first === null) return { next, slope: start };
  /** Component `first` of one, the other of another. */
  const joined = (one: readonly State64[], other: readonly State64[]) =>
    one.map((state, row) => state.map((z, c) => (c === first ? z : other[row]![c]!)));
  const halfway = joined(next, states);
  const later = yield halfway;
  const after = halfway.map((state, row) => moved(state, h[row]!, [1], [later[row]!]));
  return { next: joined(next, after), slope: joined(start, later) };
}

/** A Runge-Kutta step of a field. */
export const rungeKuttaStep = (field: Field, ...step: Parameters<typeof rungeKutta>): Promise<Step64> =>
  awaited(rungeKutta(...step), field);

/** A gradient-descent step of a field. */
export const gradientDescentStep = (
  field: Field,
  ...step: Parameters<typeof gradientDescent>
): Promise<readonly State64[]> => awaited(gradientDescent(...step), field).then(({ next }) => next);
