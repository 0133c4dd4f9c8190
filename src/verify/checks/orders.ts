/** Checks of the methods themselves, in float64: their order conditions, and the orders that they have in fact. */
import { answered, type HostField } from '../../../kernels/cpu/field.js';
import type { State64 } from '../../../kernels/cpu/state.js';
import { orderResiduals } from '../../method/orderConditions.js';
import { tableaus } from '../../method/tableaus.js';
import { rungeKutta } from '../../method/schemes/rungeKutta.js';
import type { Tableau } from '../../method/tableau.js';
import { firstOfEach, timeOf } from '../cases.js';
import { around, atMost, Worst, type Check, type CheckContext, type Curve } from '../check.js';
import { hostField, stateOf } from '../means/fields.js';
import { fittedOrder } from '../means/logSlope.js';
import { relativeError } from '../means/precision.js';
import { integrate } from '../means/trajectories.js';

const CONDITIONS = 'order conditions of rooted trees, Butcher 1963; Hairer, Norsett & Wanner I, II.2';

/** Every set of weights and the order it claims: the methods, and their embedded solutions. */
const weightsOf = (all: CheckContext['subject']['tableaus']) =>
  Object.entries(all).flatMap(([name, { a, b, order, embedded }]: [string, Tableau]) => [
    { name, tableau: { a, b, order } },
    ...(embedded
      ? [embedded, ...(embedded.low ? [embedded.low] : [])].map((each) => ({
          name: `${name}, embedded of order ${each.order}`,
          tableau: { a, b: each.b, order: each.order },
        }))
      : []),
  ]);

const conditions: Check = {
  id: 'orders/conditions',
  claim: 'every Runge-Kutta tableau satisfies the conditions of its order: largest residual',
  source: CONDITIONS,
  on: 'host',
  async measure({ subject }) {
    const worst = new Worst();
    for (const { name, tableau } of weightsOf(subject.tableaus)) {
      const residuals = orderResiduals(tableau.a, tableau.b, tableau.order);
      worst.add(Math.max(...residuals.map(Math.abs)), name);
    }
    return { ...worst.result, allowed: atMost(1e-13, 'float64 rounding of sums of terms of size up to 15') };
  },
};

/** Largest rate times time. */
const HORIZON = 2;
/** Steps to the horizon: errors of dopri5 from 1e-9 to 1e-12. */
const COUNTS = [24, 32, 48, 64, 96];
/** Errors of higher orders are rounding before they fall as they should: of these there are the conditions alone. */
const HIGHEST_FITTED = 5;
const REFERENCE_STEPS = 512;
/**
 * Fixed steps start from adapters this much smaller, and see the growth that follows. Where the flow contracts towards
 * its end the leading error term fades, and a method shows an order more than it has.
 */
export const SMALL = 0.05;

async function fixedSteps(
  { subject }: CheckContext,
  field: HostField,
  tableau: Tableau,
  start: State64,
  time: number,
  steps: number,
): Promise<State64> {
  const [end] = await integrate(subject, tableau, field, [start], time, steps);
  return end!;
}

/** The end to rounding; which method finds it does not matter, as long as it is right. */
export const exactEnd = (context: CheckContext, field: HostField, start: State64, time: number) =>
  fixedSteps(context, field, tableaus.dopri5, start, time, REFERENCE_STEPS);

/** The field and start of one case of every loss. */
export const settings = ({ subject, cases }: CheckContext) =>
  firstOfEach(cases).map((at) => ({
    at,
    field: hostField(subject, at)!,
    start: stateOf(at.adapters[0]!),
    time: timeOf(at, HORIZON),
  }));

const order: Check = {
  id: 'orders/fixed-step',
  claim: `every Runge-Kutta method up to order ${HIGHEST_FITTED} has it at fixed steps: fitted order less the one it claims`,
  source: CONDITIONS,
  on: 'host',
  async measure(context) {
    const worst = new Worst();
    const curves: Curve[] = [];
    for (const { at, field, start: full, time } of settings(context)) {
      const start = full.map((z) => z.map((value) => SMALL * value));
      const exact = await exactEnd(context, field, start, time);
      for (const [name, tableau] of Object.entries<Tableau>(context.subject.tableaus)) {
        if (tableau.order > HIGHEST_FITTED) continue;
        const errors: number[] = [];
        for (const count of COUNTS) {
          const end = await fixedSteps(context, field, tableau, start, time, count);
          errors.push(relativeError(end, exact));
        }
        const steps = COUNTS.map((count) => time / count);
        worst.add(fittedOrder(steps, errors) - tableau.order, `${name}, ${at.name}`);
        if (at === context.cases[0])
          curves.push({ name, points: steps.map((h, i) => [h, errors[i]!] as const) });
      }
    }
    return {
      ...worst.result,
      allowed: around(
        0,
        0.15,
        `a fit of two orders over ${COUNTS.length} step sizes, the third being a few percent`,
      ),
      plot: {
        title: `Error of the Runge-Kutta methods (${context.cases[0]!.name})`,
        xTitle: 'step size h',
        yTitle: 'relative error at the horizon',
        curves,
      },
    };
  },
};

/** Tolerances by the order of a method: at the looser ones order 8 takes too few steps to have an order. */
const tolerancesOf = (order: number): readonly number[] =>
  [1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9].slice(order < 8 ? 0 : 2);

const proportional: Check = {
  id: 'orders/tolerance',
  claim:
    'the error of adaptive methods is proportional to their tolerance: largest over smallest ratio, three to five decades',
  source: 'Hairer, Norsett & Wanner I, II.4: error per step with local extrapolation',
  on: 'host',
  async measure(context) {
    const { subject } = context;
    const count = settings(context).length;
    const worst = new Worst(1);
    const curves: Curve[] = [];
    for (const [name, tableau] of Object.entries<Tableau>(subject.tableaus)) {
      if (!tableau.embedded) continue;
      const tolerances = tolerancesOf(tableau.order);
      const logs = tolerances.map(() => 0);
      for (const { field, start, time } of settings(context)) {
        const exact = await exactEnd(context, field, start, 3 * time);
        for (const [i, rtol] of tolerances.entries()) {
          const stop = { saveTimes: [3 * time], steadyTolerance: null, maxSteps: 100_000 };
          const method = { scheme: rungeKutta(tableau), control: { kind: 'error', rtol, atol: 0 } } as const;
          const { state } = answered(subject.twin(start, 1, method, stop), field);
          logs[i]! += Math.log(relativeError(state, exact)) / count;
        }
      }
      const ratios = tolerances.map((rtol, i) => Math.exp(logs[i]!) / rtol);
      worst.add(Math.max(...ratios) / Math.min(...ratios), name);
      curves.push({
        name,
        points: tolerances.map((rtol, i) => [rtol, Math.exp(logs[i]!)] as const),
      });
    }
    return {
      ...worst.result,
      allowed: { from: 1, to: 10, reason: 'geometric mean over the cases; step sizes are whole in number' },
      plot: {
        title: 'Error of the adaptive methods',
        xTitle: 'relative tolerance',
        yTitle: 'relative error, geometric mean over the cases',
        curves,
      },
    };
  },
};

export const orderChecks: readonly Check[] = [conditions, order, proportional];
