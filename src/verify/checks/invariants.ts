/**
 * Checks that simulated trajectories have what every gradient flow of LoRA has, whatever the loss: a conserved matrix,
 * a loss that falls by its dissipation, the symmetries of the loss, ranks that nest, and a scale that is a unit of
 * time.
 */
import { difference, frobeniusNorm, type Dense } from '../../numbers/dense.js';
import { trace } from '../../problem/traceSquared.js';
import type { State64 } from '../../../kernels/cpu/state.js';
import { tableaus } from '../../method/tableaus.js';
import { errorOf, frobeniusDense } from '../../problem/frobenius.js';
import { paddedWidth } from '../../solver/solve.js';
import { Draws, kindOf, timeOf, type Case } from '../cases.js';
import { atMost, Worst, type Allowed, type Check, type CheckContext } from '../check.js';
import { fieldOfLoss, grams, intoFlow, outOfFlow, stateOf, updateOf } from '../means/fields.js';
import { gaussLegendre } from '../means/gaussLegendre.js';
import { once } from '../means/once.js';
import { relativeError, trajectoryBudget, unitRoundoff } from '../means/precision.js';
import { randomRotation, rotatedProblem, rotatedState } from '../means/rotation.js';
import { adaptive, solveCase, ends, fixedSteps, integrate, pathBudget } from '../means/trajectories.js';

const INVARIANTS = 'invariants of the gradient flow, Rushka & Klabjan 2026';
const DERIVED = 'derived from the flow';

/** Largest rate times time: things move by their own size. */
const HORIZON = 2.5;
/** Truncation is then a tenth of what rounding is allowed. */
const STEPS = 32;
const TABLEAU = tableaus.dopri5;

const runOf = (at: Case) => fixedSteps(TABLEAU, timeOf(at, HORIZON), STEPS);

const budget = ({ backend }: CheckContext): Allowed =>
  trajectoryBudget(backend, TABLEAU.b.length * STEPS, HORIZON);

const startsOf = ({ adapters }: Case): State64[] => adapters.map(stateOf);

/** Ends of a case's adapters. */
const endsOf = once((context, at) => ends(context, at, startsOf(at), runOf(at)));

const conservation: Check = {
  id: 'invariants/conservation',
  claim: 'B^T B / kB - A A^T / kA stays what it was, every entry of it',
  source: INVARIANTS,
  on: 'backend',
  scope: 'any-loss',
  async measure(context) {
    const worst = new Worst();
    for (const at of context.cases) {
      const starts = startsOf(at);
      const actual = await endsOf(context, at);
      starts.forEach((start, i) => {
        const [[b0, a0], [b1, a1]] = [grams(at, start), grams(at, actual[i]!)];
        const change = difference(difference(b1, a1), difference(b0, a0));
        worst.add(frobeniusNorm(change) / (trace(b0) + trace(a0)), at.name);
      });
    }
    return { ...worst.result, allowed: budget(context) };
  },
};

/** Exact to rounding for what decays by e^-20. */
const quadrature = gaussLegendre(16);

const dissipation: Check = {
  id: 'invariants/dissipation',
  claim: 'the loss falls by the integral of |dB/dt|^2 / kB + |dA/dt|^2 / kA over time',
  source: INVARIANTS,
  on: 'backend',
  scope: 'any-loss',
  async measure(context) {
    const { subject, backend, cases } = context;
    const worst = new Worst();
    let cancelled = 1;
    for (const at of cases) {
      const end = timeOf(at, HORIZON);
      const starts = startsOf(at).map((state) => intoFlow(subject, at, state));
      const saveTimes = [0, ...quadrature.map(({ node }) => node * end), end];
      for (const { saved } of await solveCase(context, at, starts, { ...adaptive(backend), saveTimes })) {
        const observations = saved.map((observation) => observation!);
        const decrease = observations[0]!.loss - observations.at(-1)!.loss;
        const mean = quadrature.reduce(
          (sum, { weight }, k) => sum + weight * observations[k + 1]!.gradientNorm! ** 2,
          0,
        );
        worst.add(Math.abs((end * mean) / decrease - 1), at.name);
        cancelled = Math.max(cancelled, Math.abs(observations[0]!.loss / decrease));
      }
    }
    const { to, reason } = pathBudget(backend);
    const entries = Math.max(...cases.map(({ problem: { n, m } }) => n * m));
    return {
      ...worst.result,
      allowed: atMost(
        to + entries * cancelled * unitRoundoff(backend),
        `${reason}; a custom loss is observed on the backend, a sum of ${entries} entries, up to ${cancelled.toPrecision(2)} times what it falls by`,
      ),
    };
  },
};

const equivariance: Check = {
  id: 'invariants/equivariance',
  claim: 'orthogonal U, V and R take (B, A) to (U B R, R^T A V^T), and flows of f to flows of f(U^T . V)',
  source: DERIVED,
  on: 'backend',
  scope: 'any-loss',
  async measure(context) {
    const worst = new Worst();
    for (const [index, at] of context.cases.entries()) {
      const rotation = randomRotation(new Draws(context.seed, 'rotation', index), at);
      const rotate = (state: State64) => rotatedState(at, rotation, state);
      const other = { ...at, problem: await rotatedProblem(at, rotation) };
      const starts = startsOf(at);
      const expected = await endsOf(context, at);
      // The same time for both: a rate found anew may differ by rounding.
      const actual = await ends(context, other, starts.map(rotate), runOf(at));
      actual.forEach((state, i) => worst.add(relativeError(state, rotate(expected[i]!)), at.name));
    }
    return { ...worst.result, allowed: budget(context) };
  },
};

const spectralFrame: Check = {
  id: 'invariants/spectral-frame',
  claim: 'the Frobenius flow in the spectral frame is the one in the coordinates of W',
  source: DERIVED,
  on: 'backend',
  async measure(context) {
    const worst = new Worst();
    for (const at of context.cases.filter(({ problem }) => problem.structure.kind === 'diagonal')) {
      const starts = startsOf(at);
      const inFrame = await endsOf(context, at);
      const plain = { ...at, problem: frobeniusDense(errorOf(at.problem)) };
      const actual = await ends(context, plain, starts, runOf(at));
      actual.forEach((state, i) => worst.add(relativeError(inFrame[i]!, state), at.name));
    }
    return { ...worst.result, allowed: budget(context) };
  },
};

/** The case at a rank whose factors are held in a larger width. */
const padded = (at: Case): Case => ({ ...at, rank: paddedWidth(at.rank) + 1 });

/** Zero columns of B and zero rows of A for the ranks that are added. */
function paddedState(at: Case, [b, a]: State64): State64 {
  const { n, m } = at.problem;
  const { rank } = padded(at);
  const out: State64 = [new Float64Array(n * rank), new Float64Array(rank * m)];
  for (let i = 0; i < n; i++) out[0]!.set(b!.subarray(i * at.rank, (i + 1) * at.rank), i * rank);
  out[1]!.set(a!);
  return out;
}

/** Ends of a case's adapters as adapters of a larger rank, as the simulator left them: normalized. */
const paddedEnds = once((context, at) =>
  solveCase(
    context,
    padded(at),
    startsOf(at).map((state) => intoFlow(context.subject, padded(at), paddedState(at, state))),
    runOf(at),
  ),
);

/** Largest entry of the columns from `rank` on. */
const largestBeyond = (rank: number, { cols, data }: Dense): number =>
  data.reduce((most, value, i) => (i % cols >= rank ? Math.max(most, Math.abs(value)) : most), 0);

const paddingZero: Check = {
  id: 'invariants/padding-zero',
  claim: 'columns of B and rows of A that are both zero stay exactly zero',
  source: DERIVED,
  on: 'backend',
  scope: 'any-loss',
  async measure(context) {
    const worst = new Worst();
    for (const at of context.cases)
      for (const { factors } of await paddedEnds(context, at))
        worst.add(Math.max(largestBeyond(at.rank, factors.x), largestBeyond(at.rank, factors.y)), at.name);
    return { ...worst.result, allowed: atMost(0, 'products and sums of zeros are zeros in any precision') };
  },
};

const padding: Check = {
  id: 'invariants/padding',
  claim: 'an adapter moves as the adapter of a larger rank that it is with zeros',
  source: DERIVED,
  on: 'backend',
  scope: 'any-loss',
  async measure(context) {
    const worst = new Worst();
    for (const at of context.cases) {
      const expected = await endsOf(context, at);
      const actual = await paddedEnds(context, at);
      actual.forEach(({ factors }, i) =>
        worst.add(
          relativeError(outOfFlow(context.subject, padded(at), factors), paddedState(at, expected[i]!)),
          at.name,
        ),
      );
    }
    return { ...worst.result, allowed: budget(context) };
  },
};

const scaling: Check = {
  id: 'invariants/scaling',
  claim: 'scale s is scale 1 at time s t, of adapters times sqrt(s)',
  source: DERIVED,
  on: 'backend',
  scope: 'any-loss',
  async measure(context) {
    const worst = new Worst();
    for (const at of context.cases) {
      const { scale } = at.coefficients;
      const unit = { ...at, coefficients: { ...at.coefficients, scale: 1 } };
      const starts = startsOf(at);
      const larger = starts.map((state) => state.map((z) => z.map((value) => Math.sqrt(scale) * value)));
      const expected = await ends(
        context,
        unit,
        larger,
        fixedSteps(TABLEAU, scale * timeOf(at, HORIZON), STEPS),
      );
      const actual = await endsOf(context, at);
      actual.forEach((state, i) =>
        worst.add(relativeError([updateOf(at, state)], [updateOf(unit, expected[i]!)]), at.name),
      );
    }
    return { ...worst.result, allowed: budget(context) };
  },
};

/** The smallest case of every loss that has a float64 form. */
function smallest(cases: readonly Case[]): Case[] {
  const size = ({ problem: { n, m } }: Case) => n * m;
  const smallestOf = new Map<string, Case>();
  for (const at of cases) {
    const key = kindOf(at);
    const smallestSoFar = smallestOf.get(key);
    if (at.definition.host && (!smallestSoFar || size(at) < size(smallestSoFar))) smallestOf.set(key, at);
  }
  return [...smallestOf.values()];
}

const adapterFlow: Check = {
  id: 'invariants/adapter-flow',
  claim:
    'trajectories are those of dB/dt = -kB s G A^T, dA/dt = -kA s B^T G in float64, with G by central differences',
  source: 'gradient-flow equations, Rushka & Klabjan 2026',
  on: 'backend',
  scope: 'float64-loss',
  async measure(context) {
    const worst = new Worst();
    for (const at of smallest(context.cases)) {
      const [start] = startsOf(at);
      const [actual] = await endsOf(context, at);
      const field = fieldOfLoss(at, at.definition.host!);
      const time = timeOf(at, HORIZON);
      const [expected] = await integrate(context.subject, TABLEAU, field, [start!], time, STEPS);
      worst.add(relativeError(actual!, expected!), at.name);
    }
    return { ...worst.result, allowed: budget(context) };
  },
};

export const invariantChecks: readonly Check[] = [
  conservation,
  dissipation,
  equivariance,
  spectralFrame,
  paddingZero,
  padding,
  scaling,
  adapterFlow,
];
