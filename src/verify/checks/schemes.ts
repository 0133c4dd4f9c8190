/**
 * Checks that simultaneous and sequential updates share one flow, in the limit and at finite step size. With F the
 * flow of (B, A) and h the step, to first order in h
 *   each scheme follows its modified equation (Hairer, Lubich, Wanner, Geometric Numerical Integration, IX.1)
 *     z' = F - h/2 DF F + h K,   K = 0 (simultaneous), (dF_B/dA F_A, 0) (A, then B), (0, dF_A/dB F_B) (B, then A),
 *   so a sequential scheme is ahead of the simultaneous one by h d(T),   d' = DF d + K,   d(0) = 0.
 * DF is applied by automatic differentiation of the hand-derived flow on the backend; of a flow that is itself found
 * by automatic differentiation, by central differences. All else is float64.
 */
import type { State64 } from '../../../kernels/cpu/state.js';
import type { UpdateOrder } from '../../method/schemes/gradientDescent.js';
import { around, atMost, Worst, type Check, type CheckContext, type Curve } from '../check.js';
import { logSlope } from '../means/logSlope.js';
import { once } from '../means/once.js';
import { relativeError } from '../means/precision.js';
import { gapField, modifiedField } from './schemes/modifiedEquation.js';
import { descents, flows, linearizedCases, within, type Setting } from './schemes/setting.js';

const orders = ['simultaneous', 'a-then-b', 'b-then-a'] as const;
const sequential = ['a-then-b', 'b-then-a'] as const;

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

/** Relative errors of the gaps between a sequential scheme and the simultaneous one, over h, against d(T). */
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
