/**
 * Simulations on the backend that closed forms are held against: LoRA by the solver and full fine-tuning by its own
 * system, at several times, and the errors that float32 and the method's tolerance let them have.
 */
import type { Dense } from '../../../numbers/dense.js';
import type { Adapter } from '../../../ensemble/adapter.js';
import type { Factors } from '../../../problem/factors.js';
import { integrate } from '../../../solver/integrate.js';
import type { State64 } from '../../../../kernels/cpu/state.js';
import type { Case } from '../../cases.js';
import { around, type Allowed, type CheckContext, type Worst } from '../../check.js';
import { intoFlow, outOfFlow, stateOf, updateOf } from '../../means/fields.js';
import { relativeError, unitRoundoff } from '../../means/precision.js';
import { adaptive, solveCase, MOST_STEPS, stepTolerance, toleranceBudget } from '../../means/trajectories.js';
import { coupled } from './problems.js';

type Backend = CheckContext['backend'];

/** Largest relative error of an end that is reached by running until 1e-7 or less is left. */
export const endBudget = toleranceBudget(20, 'the errors of many steps, most of which die out');

/** Fraction of its largest to which the flow falls where it is called stationary. */
const steadyTolerance = (backend: Backend): number => stepTolerance(backend) / 4;

/** Largest relative error where the flow has become stationary. */
export const stationaryBudget = toleranceBudget(
  100,
  'a flow that is nearly at rest leaves the more, the smaller its last rate',
);

/** A simulated trajectory at one time. */
export interface Snapshot {
  /** [B, A]. */
  readonly state: State64;
  readonly loss: number;
  /** |s B A - D|_F, D the update that full fine-tuning ends with. */
  readonly distance: number;
  /** Squared error against the clean target; NaN where there is none. */
  readonly risk: number;
  /** s B A [n, m]. */
  update(): Float64Array;
}

/** Every adapter of a case at ascending times, [times][adapters]. Each run starts where the one before it ended. */
export async function simulateAdapters(
  context: CheckContext,
  at: Case,
  times: readonly number[],
  rule = adaptive(context.backend),
): Promise<Snapshot[][]> {
  const { subject } = context;
  let factors: readonly Factors[] = at.adapters.map((adapter) => intoFlow(subject, at, stateOf(adapter)));
  const all: Snapshot[][] = [];
  for (const [i, time] of times.entries()) {
    const duration = time - (times[i - 1] ?? 0);
    const trajectories = await solveCase(context, at, factors, { ...rule, saveTimes: [duration] });
    factors = trajectories.map((trajectory) => trajectory.factors);
    all.push(
      trajectories.map(({ factors: end, last }) => {
        const state = outOfFlow(subject, at, end);
        return {
          ...{ state, loss: last.loss, distance: last.distance ?? NaN, risk: last.risk ?? NaN },
          update: () => updateOf(at, state),
        };
      }),
    );
  }
  return all;
}

/** Times at which a path has moved by O(1): clock times rate times t up to 3. */
export function pathTimes({ problem, coefficients, adapters }: Case): number[] {
  const { c } = coupled(adapters[0]!, coefficients);
  return [0.5, 1, 2, 3].map((tau) => tau / (c * problem.rate));
}

/** Time at which e^{-rate t} is `remains`. */
export const timeUntil = (remains: number, rate: number): number => -Math.log(remains) / rate;

/** State of a trajectory at a time, by a closed form. */
export interface Expected {
  readonly update: Float64Array;
  readonly loss: number;
  readonly state?: State64;
}

/** Adds the errors of a simulated path: of s B A and [B, A] relative to their size, of the loss to that at W0. */
export async function comparePath(
  context: CheckContext,
  at: Case,
  pathOf: (adapter: Adapter) => (t: number) => Expected,
  worst: Worst,
): Promise<void> {
  const times = pathTimes(at);
  const paths = at.adapters.map(pathOf);
  const snapshots = await simulateAdapters(context, at, times);
  snapshots.forEach((adapters, i) =>
    adapters.forEach((snapshot, k) => {
      const expected = paths[k]!(times[i]!);
      worst.add(relativeError([snapshot.update()], [expected.update]), `${at.name}: s B A`);
      worst.add(Math.abs(snapshot.loss - expected.loss) / at.problem.initialLoss!, `${at.name}: loss`);
      if (expected.state) worst.add(relativeError(snapshot.state, expected.state), `${at.name}: B and A`);
    }),
  );
}

/** A case with the singular values of what its rank is short of: E, or E H^{1/2}. */
export type WithGap = Case & { readonly sigma: Float64Array };

/**
 * Time at which s B A of a generic start is at its end: many times what the gap after the r-th singular value needs.
 */
export function gapTime({ rank, coefficients, adapters, sigma }: WithGap): number {
  const { c } = coupled(adapters[0]!, coefficients);
  return 60 / (c * (sigma[rank - 1]! - sigma[rank]!));
}

/** Adds the errors of simulated ends: of s B A, the loss and the relative error, each relative to the optimum's. */
export async function compareEnd(
  context: CheckContext,
  at: WithGap,
  best: { readonly update: Dense; readonly loss: number; readonly relativeError: number },
  worst: Worst,
): Promise<void> {
  const [ends] = await simulateAdapters(context, at, [gapTime(at)], {
    ...adaptive(context.backend),
    steadyTolerance: steadyTolerance(context.backend),
  });
  for (const snapshot of ends!) {
    worst.add(relativeError([snapshot.update()], [best.update.data]), `${at.name}: s B A`);
    worst.add(Math.abs(snapshot.loss / best.loss - 1), `${at.name}: loss`);
    const relative = Math.sqrt(snapshot.loss / at.problem.initialLoss!);
    worst.add(Math.abs(relative / best.relativeError - 1), `${at.name}: relative error`);
  }
}

/** Adds the errors of simulated full fine-tuning: of W - W0 relative to its size, of the loss to that at W0. */
export async function compareFull(
  { subject, backend }: CheckContext,
  at: Case,
  end: number,
  path: (t: number) => Expected,
  worst: Worst,
): Promise<void> {
  const { n, m } = at.problem;
  const times = [end / 6, end / 3, (2 * end) / 3, end];
  const system = subject.fullFineTuningSystem(at.definition.tensor);
  const [ending] = await integrate(
    {
      system,
      shapes: [{ rows: n, cols: m }],
      initial: [[Float32Array.from(at.base.data)]],
      clocks: [1],
      observe: (_, __, [w]) => Float64Array.from(w!),
    },
    adaptive(backend).method,
    { saveTimes: times, steadyTolerance: null, maxSteps: MOST_STEPS },
  );
  system.dispose();
  ending!.saved.forEach((w, i) => {
    if (!w) throw new Error(`full fine-tuning ended by ${ending!.outcome}`);
    const expected = path(times[i]!);
    const update = w.map((value, j) => value - at.base.data[j]!);
    const loss = at.definition.host!(w);
    worst.add(relativeError([update], [expected.update]), `${at.name}: W - W0`);
    worst.add(Math.abs(loss - expected.loss) / at.problem.initialLoss!, `${at.name}: loss`);
  });
}

/** What is left of a deviation at the later of the two times that its rate is measured between. */
const leastLeft = (backend: Backend): number => Math.sqrt(unitRoundoff(backend));
const MOST_OVER_LEAST = 10;

export const rateBudget = (backend: Backend): Allowed =>
  around(
    1,
    40 * leastLeft(backend),
    `measured where ${MOST_OVER_LEAST} to 1 times ${leastLeft(backend).toPrecision(1)} is left: the next terms are as large as that, and rounding is of what is left`,
  );

/** A deviation from the end that falls exponentially late on: its rate, and its size in closed form and simulated. */
export interface Approach {
  readonly rate: number;
  left(t: number): number;
  measured(snapshot: Snapshot): number;
}

/**
 * Adds the rate at which a deviation of a case's first adapter falls late on, over the rate that it should have. Its
 * size in closed form, relative to a natural one as that which is measured, says when it is late.
 */
export async function compareRate(
  context: CheckContext,
  at: Case,
  { rate, left, measured }: Approach,
  worst: Worst,
): Promise<void> {
  const { backend } = context;
  const least = leastLeft(backend);
  const times = [firstTime(left, MOST_OVER_LEAST * least, rate), firstTime(left, least, rate)] as const;
  // A step's error is relative to the state, which is much larger than what is left.
  const rule = adaptive(backend, stepTolerance(backend) / 8);
  const one = { ...at, adapters: at.adapters.slice(0, 1) };
  const [before, after] = (await simulateAdapters(context, one, times, rule)).map(([snapshot]) =>
    measured(snapshot!),
  );
  worst.add(rateRatio(before!, after!, times, rate), at.name);
}

/** First time at which the deviation that is left falls below a value. */
function firstTime(left: (t: number) => number, value: number, rate: number): number {
  let after = 1 / rate;
  while (left(after) > value) after *= 2;
  let before = after / 2;
  while (after - before > 1e-3 * after) {
    const middle = (before + after) / 2;
    if (left(middle) > value) before = middle;
    else after = middle;
  }
  return after;
}

/** The rate at which a deviation falls between two times, over what it should be. */
export const rateRatio = (
  before: number,
  after: number,
  [from, to]: readonly [number, number],
  rate: number,
): number => Math.log(before / after) / (to - from) / rate;
