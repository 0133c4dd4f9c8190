/**
 * Checks of the linearized flow: what automatic differentiation makes of the hand-derived flow, by which the gap
 * between update schemes is predicted.
 */
import type { State64 } from '../../kernels/cpu/step.js';
import { Draws, type Case } from './cases.js';
import { Worst, type Check, type Context } from './check.js';
import { deviceField, referenceField, stateOf, tangentByDifferences } from './fields.js';
import { differenceBudget, flowBudget, relativeError } from './precision.js';

/** For every adapter of a case, random directions of its size. */
const directionsAt = ({ problem: { n, m }, rank, adapters }: Case, draws: Draws): State64[] =>
  adapters.map(() => stateOf(draws.adapter(n, m, rank)));

/** Random numbers of the index-th case that its own draws do not use. */
const drawsFor = ({ seed, cases }: Context, index: number) => new Draws(seed, cases.length + index);

const product: Check = {
  id: 'second/jacobian-vector',
  claim:
    "the flow's own operations differentiate: Jacobian-vector products by autodiff are those by differences",
  source: 'chain rule',
  on: 'backend',
  scope: 'any-loss',
  async measure(context) {
    const { subject, backend, cases } = context;
    const worst = new Worst();
    let exact = true;
    for (const [index, at] of cases.entries()) {
      const device = deviceField(subject, at);
      const reference = referenceField(context, at);
      exact &&= reference.float64;
      try {
        const states = at.adapters.map(stateOf);
        const tangents = directionsAt(at, drawsFor(context, index));
        const found = await device.tangentField(states, tangents);
        for (const [i, state] of states.entries()) {
          const expected = await tangentByDifferences(reference, state, tangents[i]!);
          worst.add(relativeError(found[i]!, expected), at.name);
        }
      } finally {
        device.dispose();
        reference.dispose();
      }
    }
    const budget = flowBudget(backend, cases);
    return { ...worst.found, allowed: exact ? budget : differenceBudget(budget, backend) };
  },
};

const symmetry: Check = {
  id: 'second/symmetry',
  claim: 'the Jacobian of the flow is minus a Hessian: symmetric in the metric |B|^2 / kB + |A|^2 / kA',
  source: 'Schwarz: second derivatives of f commute',
  on: 'backend',
  scope: 'any-loss',
  async measure(context) {
    const { subject, backend, cases } = context;
    const worst = new Worst();
    for (const [index, at] of cases.entries()) {
      const { lrRatioA, lrRatioB } = at.coefficients;
      const inner = (u: State64, v: State64) => dot(u[0]!, v[0]!) / lrRatioB + dot(u[1]!, v[1]!) / lrRatioA;
      const device = deviceField(subject, at);
      try {
        const states = at.adapters.map(stateOf);
        const draws = drawsFor(context, index);
        const [us, vs] = [directionsAt(at, draws), directionsAt(at, draws)];
        for (const [i, state] of states.entries()) {
          const [u, v] = [us[i]!, vs[i]!];
          // One state at a time, where the products above come in batches: backends may multiply them differently.
          const [ju] = await device.tangentField([state], [u]);
          const [jv] = await device.tangentField([state], [v]);
          const size = Math.sqrt(inner(u, u) * inner(jv!, jv!) + inner(v, v) * inner(ju!, ju!));
          worst.add(Math.abs(inner(u, jv!) - inner(v, ju!)) / size, at.name);
        }
      } finally {
        device.dispose();
      }
    }
    return { ...worst.found, allowed: flowBudget(backend, cases) };
  },
};

const dot = (a: Float64Array, b: Float64Array): number => a.reduce((sum, value, i) => sum + value * b[i]!, 0);

export const secondDerivativeChecks: readonly Check[] = [product, symmetry];
