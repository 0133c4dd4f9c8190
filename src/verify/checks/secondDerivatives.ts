/**
 * Checks of the linearized flow: what automatic differentiation makes of the hand-derived flow, by which the gap
 * between update schemes is predicted. Not of a user's loss: TensorFlow.js drops terms, in silence, where it
 * differentiates its own gradient of exp, tanh, sigmoid or logSoftmax again.
 */
import type { State64 } from '../../../kernels/cpu/state.js';
import { Draws, type Case } from '../cases.js';
import { tightest, type Check, type Measurement } from '../check.js';
import { deviceField, hostField, stateOf, tangentsByDifferences } from '../means/fields.js';
import { DELTA } from '../means/differences.js';
import { flowBudget, relativeError } from '../means/precision.js';

/** Random directions of the size of an adapter, for every adapter of a case. */
const directionsAt = ({ problem: { n, m }, rank, adapters }: Case, draws: Draws): State64[] =>
  adapters.map(() => stateOf(draws.adapter(n, m, rank)));

const product: Check = {
  id: 'second/jacobian-vector',
  claim:
    "the flow's own operations differentiate: Jacobian-vector products by autodiff are those by differences",
  source: 'chain rule',
  on: 'backend',
  async measure(context) {
    const { subject, backend, cases } = context;
    const all: Measurement[] = [];
    for (const [index, at] of cases.entries()) {
      const allowed = flowBudget(backend, at);
      const device = deviceField(subject, at);
      try {
        const states = at.adapters.map(stateOf);
        const tangents = directionsAt(at, new Draws(context.seed, 'direction', index));
        const actual = await device.tangentField(states, tangents);
        const expected = await tangentsByDifferences(hostField(subject, at)!, DELTA)(states, tangents);
        actual.forEach((each, i) =>
          all.push({ measured: relativeError(each, expected[i]!), allowed, where: at.name }),
        );
      } finally {
        device.dispose();
      }
    }
    return tightest(all);
  },
};

const symmetry: Check = {
  id: 'second/symmetry',
  claim: 'the Jacobian of the flow is minus a Hessian: symmetric in the metric |B|^2 / kB + |A|^2 / kA',
  source: 'Schwarz: second derivatives of f commute',
  on: 'backend',
  async measure(context) {
    const { subject, backend, cases } = context;
    const all: Measurement[] = [];
    for (const [index, at] of cases.entries()) {
      const allowed = flowBudget(backend, at);
      const { lrRatioA, lrRatioB } = at.coefficients;
      const inner = (u: State64, v: State64) => dot(u[0]!, v[0]!) / lrRatioB + dot(u[1]!, v[1]!) / lrRatioA;
      const device = deviceField(subject, at);
      try {
        const states = at.adapters.map(stateOf);
        const draws = new Draws(context.seed, 'direction', index);
        const [us, vs] = [directionsAt(at, draws), directionsAt(at, draws)];
        for (const [i, state] of states.entries()) {
          const [u, v] = [us[i]!, vs[i]!];
          // One state at a time, where the products above come in batches: backends may multiply them differently.
          const [ju] = await device.tangentField([state], [u]);
          const [jv] = await device.tangentField([state], [v]);
          const size = Math.sqrt(inner(u, u) * inner(jv!, jv!) + inner(v, v) * inner(ju!, ju!));
          const measured = Math.abs(inner(u, jv!) - inner(v, ju!)) / size;
          all.push({ measured, allowed, where: at.name });
        }
      } finally {
        device.dispose();
      }
    }
    return tightest(all);
  },
};

const dot = (a: Float64Array, b: Float64Array): number => a.reduce((sum, value, i) => sum + value * b[i]!, 0);

export const secondDerivativeChecks: readonly Check[] = [product, symmetry];
