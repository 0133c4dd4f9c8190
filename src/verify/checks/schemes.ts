/**
 * Checks that simultaneous and sequential updates share one flow, in the limit and at finite step size. With F the
 * flow of (B, A) and h the step, to first order in h
 *   each scheme follows its modified equation (Hairer, Lubich, Wanner, Geometric Numerical Integration, IX.1)
 *     z' = F - h/2 DF F + h K,   K = 0 (simultaneous), (dF_B/dA F_A, 0) (A, then B), (0, dF_A/dB F_B) (B, then A),
 *   so a sequential scheme is ahead of the simultaneous one by h d(T),   d' = DF d + K,   d(0) = 0.
 * DF is applied by automatic differentiation of the hand-derived flow on the backend; of a flow that is itself found
 * by automatic differentiation, by central differences. All else is float64.
 */
import { moved, type State64 } from '../../../kernels/cpu/state.js';
import type { Field } from '../../../kernels/cpu/field.js';
import type { UpdateOrder } from '../../method/schemes/gradientDescent.js';
import { firstOfEach, timeOf, type Case } from '../cases.js';
import type { CaseSize } from '../sizes.js';
import { around, atMost, Worst, type Check, type CheckContext, type Curve } from '../check.js';
import {
  deviceField,
  referenceField,
  stateOf,
  tangentsByDifferences,
  type DeviceField,
  type TangentField,
} from '../means/fields.js';
import { logSlope } from '../means/logSlope.js';
import { once } from '../means/once.js';
import { relativeError } from '../means/precision.js';
import { integrated } from '../means/trajectories.js';
import type { VerificationSubject } from '../subject.js';

const orders = ['simultaneous', 'a-then-b', 'b-then-a'] as const;
const sequential = ['a-then-b', 'b-then-a'] as const;

/** Largest rate times time: things move by their own size. */
const HORIZON = 2;
/** Steps of gradient descent to the horizon; errors of the largest steps are a few percent. */
const COUNTS = [64, 128, 256, 512, 1024];
/** Fewer where the flow is not float64, or its derivative not even float32: rounding would show. */
const COARSE_COUNTS = [32, 64, 128, 256, 512];
/** Steps of dopri5 to the horizon, for what is compared with: an error of 1e-9 to 1e-6. */
const FLOW_STEPS = 32;

/** Cases of every kind whose Jacobian-vector products are taken, thousands of them, one after another. */
const LINEARIZED: Record<CaseSize, number> = { small: 1, paper: 2, large: 3 };

/** A case with all that its flow is evaluated by, and the time that it is followed for. */
interface Setting {
  readonly subject: VerificationSubject;
  readonly at: Case;
  readonly start: State64;
  readonly time: number;
  readonly counts: readonly number[];
  readonly field: Field;
  readonly tangentField: TangentField;
}

/** What a case gives, from its first adapter; a flow that is only followed is not differentiated on the backend. */
async function within<T>(
  context: CheckContext,
  at: Case,
  use: 'followed' | 'differentiated',
  visit: (setting: Setting) => Promise<T>,
): Promise<T> {
  const { subject, backend } = context;
  const reference = referenceField(context, at);
  const onDevice = use === 'differentiated' && at.problem.structure.kind !== 'autodiff';
  let device: DeviceField | undefined;
  try {
    return await visit({
      subject,
      at,
      start: stateOf(at.adapters[0]!),
      time: timeOf(at, HORIZON),
      counts: reference.float64 && !(onDevice && backend.precision === 'reduced') ? COUNTS : COARSE_COUNTS,
      field: reference.field,
      tangentField: onDevice
        ? (device = deviceField(subject, at)).tangentField
        : tangentsByDifferences(reference.field, reference.step),
    });
  } finally {
    reference.dispose();
    device?.dispose();
  }
}

const linearizedCases = ({ cases, size }: CheckContext) => firstOfEach(cases, LINEARIZED[size]);

/** Where gradient descent is at the horizon, for each number of steps. */
async function descents(setting: Setting, order: UpdateOrder): Promise<State64[]> {
  const { subject, start, time, counts, field } = setting;
  const states = counts.map(() => start);
  for (let step = 0; step < Math.max(...counts); step++) {
    const rows = counts.flatMap((count, row) => (step < count ? [row] : []));
    const next = await subject.gradientDescentStep(
      field,
      order,
      rows.map((row) => states[row]!),
      rows.map((row) => time / counts[row]!),
    );
    rows.forEach((row, i) => (states[row] = next[i]!));
  }
  return states;
}

/** Where flows are at the horizon. */
const flows = ({ subject, time }: Setting, field: Field, starts: readonly State64[]) =>
  integrated(subject, subject.tableaus.dopri5, field, starts, time, FLOW_STEPS);

/** A state with nothing but the given component; nothing at all for null. */
const only = (component: number | null, state: State64): State64 =>
  state.map((z, c) => (c === component ? z : new Float64Array(z.length)));

/** The component that a scheme updates first: the other sees its change. */
const updatedFirst = (order: UpdateOrder): number | null =>
  order === 'simultaneous' ? null : order === 'a-then-b' ? 1 : 0;

/** DF tangent and K at states with slopes F, each row by a scheme of its own; one call of the backend. */
async function linearized(
  tangentField: TangentField,
  rowOrders: readonly UpdateOrder[],
  states: readonly State64[],
  slopes: readonly State64[],
  tangents: readonly State64[],
): Promise<{ readonly carried: readonly State64[]; readonly coupled: readonly State64[] }> {
  const first = rowOrders.map(updatedFirst);
  const actual = await tangentField(
    [...states, ...states],
    [...tangents, ...slopes.map((slope, row) => only(first[row]!, slope))],
  );
  return {
    carried: actual.slice(0, states.length),
    coupled: first.map((component, row) =>
      only(component === null ? null : 1 - component, actual[states.length + row]!),
    ),
  };
}

/** The modified equation, with a scheme and a step size for every row. */
const modifiedField =
  ({ field, tangentField }: Setting, rowOrders: readonly UpdateOrder[], steps: readonly number[]): Field =>
  async (states) => {
    const slopes = await field(states);
    const { carried, coupled } = await linearized(tangentField, rowOrders, states, slopes, slopes);
    return slopes.map((slope, row) => moved(slope, steps[row]!, [-1 / 2, 1], [carried[row]!, coupled[row]!]));
  };

/** The flow of (B, A) with the d of a scheme for every row riding along: states [B, A, dB, dA]. */
const gapField =
  ({ field, tangentField }: Setting, rowOrders: readonly UpdateOrder[]): Field =>
  async (states) => {
    const [adapters, behind] = [
      states.map((state) => state.slice(0, 2)),
      states.map((state) => state.slice(2)),
    ];
    const slopes = await field(adapters);
    const { carried, coupled } = await linearized(tangentField, rowOrders, adapters, slopes, behind);
    return slopes.map((slope, row) => [...slope, ...moved(carried[row]!, 1, [1], [coupled[row]!])]);
  };

/** Errors at every step size of one scheme and case, for the fit and the plot. */
interface Errors {
  readonly order: UpdateOrder;
  readonly name: string;
  /** Over the time followed. */
  readonly steps: readonly number[];
  readonly errors: readonly number[];
}

const toFlow: Check = {
  id: 'schemes/flow',
  claim: 'simultaneous and sequential gradient descent are O(h) from one flow: order of their distance to it',
  source: 'Rushka & Klabjan 2026: both updates have the same gradient flow',
  on: 'host',
  scope: 'any-loss',
  async measure(context) {
    const all: Errors[] = [];
    for (const at of context.cases)
      await within(context, at, 'followed', async (setting) => {
        const [flow] = await flows(setting, setting.field, [setting.start]);
        const expected = setting.counts.map(() => flow!);
        for (const order of orders)
          all.push(errorsOf(setting, order, await descents(setting, order), expected));
      });
    return fitOrder(all, 1, 0.03, 'distance to the flow, relative');
  },
};

const toModified: Check = {
  id: 'schemes/modified-equation',
  claim: 'each scheme is O(h^2) from its own modified equation: order of its distance to it',
  source: 'modified equations, Hairer, Lubich & Wanner, IX.1; derived from the flow',
  on: 'backend',
  scope: 'any-loss',
  async measure(context) {
    const all: Errors[] = [];
    for (const at of linearizedCases(context))
      await within(context, at, 'differentiated', async (setting) => {
        const { start, time, counts } = setting;
        const rows = orders.flatMap((order) => counts.map((count) => ({ order, step: time / count })));
        const field = modifiedField(
          setting,
          rows.map(({ order }) => order),
          rows.map(({ step }) => step),
        );
        const starts = rows.map(() => start);
        const modified = await flows(setting, field, starts);
        for (const [i, order] of orders.entries()) {
          const expected = modified.slice(i * counts.length, (i + 1) * counts.length);
          all.push(errorsOf(setting, order, await descents(setting, order), expected));
        }
      });
    return fitOrder(all, 2, 0.05, 'distance to the modified equation, relative');
  },
};

/** How far the gaps between a sequential scheme and the simultaneous one, over h, are from d(T), relative. */
const gapsOf = once((context, at) =>
  within(context, at, 'differentiated', async (setting) => {
    const { start, time, counts } = setting;
    const still = start.map((z) => new Float64Array(z.length));
    const starts = sequential.map(() => [...start, ...still]);
    const ends = await flows(setting, gapField(setting, sequential), starts);
    const simultaneous = await descents(setting, 'simultaneous');
    const all: Errors[] = [];
    for (const [i, order] of sequential.entries()) {
      const overStep = (await descents(setting, order)).map((state, row) => {
        const perStep = counts[row]! / time;
        return state.map((z, c) => z.map((value, j) => (value - simultaneous[row]![c]![j]!) * perStep));
      });
      const predicted = ends[i]!.slice(2);
      const expected = counts.map(() => predicted);
      all.push(errorsOf(setting, order, overStep, expected));
    }
    return all;
  }),
);

async function gapErrors(context: CheckContext): Promise<Errors[]> {
  const all: Errors[] = [];
  for (const at of linearizedCases(context)) all.push(...(await gapsOf(context, at)));
  return all;
}

const GAP = 'gap over h against the predicted d(T), relative difference';

const gapOrder: Check = {
  id: 'schemes/gap-order',
  claim:
    'the gap between sequential and simultaneous updates, over h, converges to the predicted d(T) as h does',
  source: "d' = DF d + K, derived from the flow",
  on: 'backend',
  scope: 'any-loss',
  measure: async (context) => fitOrder(await gapErrors(context), 1, 0.1, GAP),
};

const gapSize: Check = {
  id: 'schemes/gap',
  claim: 'at the smallest step, that gap is what is predicted',
  source: "d' = DF d + K, derived from the flow",
  on: 'backend',
  scope: 'any-loss',
  async measure(context) {
    const worst = new Worst();
    const all = await gapErrors(context);
    for (const { name, errors } of all) worst.add(errors.at(-1)!, name);
    const smallest = Math.max(...all.map(({ steps }) => steps.at(-1)!));
    return { ...worst.result, allowed: atMost(0.02, `O(h), at a step of 1/${1 / smallest} of the horizon`) };
  },
};

function errorsOf(
  { at, counts }: Setting,
  order: UpdateOrder,
  actual: readonly State64[],
  expected: readonly State64[],
): Errors {
  return {
    order,
    name: `${at.name}, ${order}`,
    steps: counts.map((count) => 1 / count),
    errors: actual.map((state, row) => relativeError(state, expected[row]!)),
  };
}

/** The fitted order farthest from what it should be. */
function fitOrder(all: readonly Errors[], order: number, tolerance: number, quantity: string) {
  const worst = new Worst(order);
  for (const { name, steps, errors } of all) worst.add(logSlope(steps, errors).slope, name);
  return {
    ...worst.result,
    allowed: around(order, tolerance, `a fit over ${all[0]!.steps.length} step sizes, each half the last`),
    plot: {
      title: `Error of gradient descent: ${quantity}`,
      xTitle: 'step size over the time followed',
      yTitle: 'geometric mean over the cases',
      curves: orders.flatMap((each) => meanCurve(each, all)),
    },
  };
}

function meanCurve(order: UpdateOrder, all: readonly Errors[]): Curve[] {
  const sameOrder = all.filter((each) => each.order === order);
  if (sameOrder.length === 0) return [];
  const mean = (i: number) =>
    Math.exp(sameOrder.reduce((sum, { errors }) => sum + Math.log(errors[i]!), 0) / sameOrder.length);
  return [{ name: order, points: sameOrder[0]!.steps.map((h, i) => [h, mean(i)] as const) }];
}

export const schemeChecks: readonly Check[] = [toFlow, gapOrder, gapSize, toModified];
