/**
 * Checks that the hand-derived flow of every loss is its gradient flow: automatic differentiation of the composed
 * loss, the flow, and central differences of the loss in float64, each against each.
 */
import * as tf from '@tensorflow/tfjs';
import { dense } from '../../numbers/dense.js';
import { multiply, multiplyTransposedLeft, multiplyTransposedRight } from '../../numbers/products.js';
import { decayingAndFrozen, firstOfEach, type Case } from '../cases.js';
import { atMost, tightest, Worst, type Check, type CheckContext, type Measurement } from '../check.js';
import { gradientByDifferences } from '../means/differences.js';
import {
  deviceField,
  hostField,
  intoFlow,
  slopeByDifferences,
  slopesByAutodiff,
  stateOf,
  updateOf,
  weightsAt,
} from '../means/fields.js';
import { flowBudget, relativeError, roundingName, tensorStep } from '../means/precision.js';
import { slopeByTensorDifferences } from '../means/tensorDifferences.js';
import type { State64 } from '../../../kernels/cpu/state.js';

const FLOW = 'gradient-flow equations, Rushka & Klabjan 2026';

/** Allowed between a float64 flow and differences. */
const DIFFERENCES = atMost(1e-9, 'truncation and rounding of five-point differences');

/** A way to find the slopes of adapters of a case. */
type Way = (context: CheckContext, at: Case, states: readonly State64[]) => Promise<readonly State64[]>;

const byFlow: Way = async ({ subject }, at, states) => {
  const device = deviceField(subject, at);
  try {
    return await device.field(states);
  } finally {
    device.dispose();
  }
};

const byAutodiff: Way = (_, at, states) => slopesByAutodiff(at, states);

const byFloat64Differences: Way = async (_, at, states) =>
  states.map((state) => slopeByDifferences(at, at.definition.host!, state));

async function compareSlopes(
  context: CheckContext,
  one: Way,
  other: Way,
  budget = (at: Case) => flowBudget(context.backend, at),
  cases = context.cases,
): Promise<Measurement> {
  const all: Measurement[] = [];
  for (const at of cases) {
    const states = at.adapters.map(stateOf);
    const [actual, expected] = [await one(context, at, states), await other(context, at, states)];
    const allowed = budget(at);
    actual.forEach((slope, i) =>
      all.push({ measured: relativeError(slope, expected[i]!), allowed, where: at.name }),
    );
  }
  return tightest(all);
}

/** A way against differences of the loss: in float64 where the loss is known so, else in the backend's precision. */
async function compareWithDifferences(context: CheckContext, one: Way): Promise<Measurement> {
  const { backend, cases } = context;
  if (cases.every(({ definition }) => definition.host))
    return compareSlopes(context, one, byFloat64Differences);
  let mostError = 0;
  const byTensorDifferences: Way = (_, at, states) =>
    Promise.all(
      states.map(async (state) => {
        const { slope, error } = await slopeByTensorDifferences(backend, at, state);
        mostError = Math.max(mostError, error);
        return slope;
      }),
    );
  const reason =
    `the module exports no float64, so differences are of the loss in ${roundingName(backend)}, ` +
    `over steps of ${tensorStep(backend).toPrecision(2)}`;
  return compareSlopes(context, one, byTensorDifferences, (at) =>
    atMost(flowBudget(backend, at).to + mostError, reason),
  );
}

const autodiff: Check = {
  id: 'flow/autodiff',
  claim: 'the hand-derived flow is minus the gradient that automatic differentiation finds',
  source: FLOW,
  on: 'backend',
  scope: 'any-loss',
  measure: (context) => compareSlopes(context, byFlow, byAutodiff),
};

const differences: Check = {
  id: 'flow/differences',
  claim: 'the hand-derived flow is minus the gradient by central differences of the loss',
  source: FLOW,
  on: 'backend',
  scope: 'any-loss',
  measure: (context) => compareWithDifferences(context, byFlow),
};

const autodiffDifferences: Check = {
  id: 'flow/autodiff-differences',
  claim: 'automatic differentiation finds the gradient by central differences of the loss',
  source: FLOW,
  on: 'backend',
  scope: 'any-loss',
  measure: (context) => compareWithDifferences(context, byAutodiff),
};

const DECAYING =
  'under weight decay the flow is minus the gradient of f + nu/2 (|B|^2 + |A|^2), nu the coupled decay, less the decoupled mu B and mu A; a frozen factor does not move';

const decay: Check = {
  id: 'flow/decay',
  claim: `${DECAYING}: the gradient by automatic differentiation`,
  source: 'Loshchilov & Hutter 2019 on both decays; LoRA-FA, Zhang et al. 2023, on a frozen A',
  on: 'backend',
  scope: 'any-loss',
  measure: (context) =>
    compareSlopes(context, byFlow, byAutodiff, undefined, decayingAndFrozen(firstOfEach(context.cases))),
};

const decayHost: Check = {
  id: 'flow/decay-float64',
  claim: `${DECAYING}: in float64, the gradient by central differences`,
  source: 'Loshchilov & Hutter 2019 on both decays; LoRA-FA, Zhang et al. 2023, on a frozen A',
  on: 'host',
  measure: (context) =>
    compareSlopes(
      context,
      async (_, at, states) => hostField(context.subject, at)!(states),
      byFloat64Differences,
      () => DIFFERENCES,
      decayingAndFrozen(firstOfEach(context.cases)),
    ),
};

const host: Check = {
  id: 'flow/float64',
  claim: 'the float64 flow on the host is minus the gradient by float64 central differences',
  source: FLOW,
  on: 'host',
  async measure({ subject, cases }) {
    const worst = new Worst();
    for (const at of cases) {
      const states = at.adapters.map(stateOf);
      const actual = await hostField(subject, at)!(states);
      states.forEach((state, i) =>
        worst.add(relativeError(actual[i]!, slopeByDifferences(at, at.definition.host!, state)), at.name),
      );
    }
    return { ...worst.result, allowed: DIFFERENCES };
  },
};

/** grad f by hand, at W0 + s B A, in the coordinates of W. */
function gradientByHand({ problem, coefficients, ...at }: Case, state: State64): Float64Array | null {
  const { n, m, frame } = problem;
  const update = dense(n, m, updateOf({ problem, coefficients, ...at }, state));
  const inFrame = frame ? multiply(multiplyTransposedLeft(frame.left, update), frame.right) : update;
  const evaluation = problem.valueAndGradient(inFrame);
  if (!evaluation) return null;
  const { gradient } = evaluation;
  return (frame ? multiplyTransposedRight(multiply(frame.left, gradient), frame.right) : gradient).data;
}

const gradientByLoss = (at: Case, state: State64): Float64Array =>
  gradientByDifferences(at.definition.host!, weightsAt(at, state));

const full: Check = {
  id: 'flow/full-fine-tuning',
  claim:
    'full fine-tuning follows minus the gradient of f: automatic differentiation against the hand-derived one',
  source: FLOW,
  on: 'backend',
  async measure({ subject, backend, cases }) {
    const all: Measurement[] = [];
    for (const at of cases) {
      const allowed = flowBudget(backend, at);
      const { n, m } = at.problem;
      const system = subject.fullFineTuningSystem(at.definition.tensor);
      for (const state of at.adapters.map(stateOf)) {
        const [slope] = tf.tidy(() =>
          system.derivative([tf.tensor3d(Float32Array.from(weightsAt(at, state)), [1, n, m])]),
        );
        const actual = Float64Array.from(await slope!.data());
        slope!.dispose();
        const expected = gradientByHand(at, state) ?? gradientByLoss(at, state);
        const measured = relativeError([actual], [expected.map((value) => -value)]);
        all.push({ measured, allowed, where: at.name });
      }
      system.dispose();
    }
    return tightest(all);
  },
};

const fullHost: Check = {
  id: 'flow/full-fine-tuning-float64',
  claim: 'the hand-derived gradient of f is that by float64 central differences',
  source: FLOW,
  on: 'host',
  async measure({ cases }) {
    const worst = new Worst();
    for (const at of cases)
      for (const state of at.adapters.map(stateOf)) {
        const gradient = gradientByHand(at, state);
        if (gradient) worst.add(relativeError([gradient], [gradientByLoss(at, state)]), at.name);
      }
    return { ...worst.result, allowed: DIFFERENCES };
  },
};

const loss: Check = {
  id: 'flow/loss-float64',
  claim: 'the loss that is reported is f(W0 + s B A)',
  source: 'the definition of each loss',
  on: 'host',
  async measure({ subject, cases }) {
    const worst = new Worst();
    for (const at of cases) {
      const { structure } = at.problem;
      if (structure.kind === 'autodiff') continue;
      const evaluate = subject.evaluator(structure);
      for (const state of at.adapters.map(stateOf)) {
        const { x, y } = intoFlow(subject, at, state);
        const expected = at.definition.host!(weightsAt(at, state));
        worst.add(Math.abs(evaluate(x.data, y.data, at.rank).loss - expected) / expected, at.name);
      }
    }
    return { ...worst.result, allowed: atMost(1e-12, 'float64 rounding of sums of a few hundred terms') };
  },
};

export const flowChecks: readonly Check[] = [
  autodiff,
  differences,
  autodiffDifferences,
  host,
  decay,
  decayHost,
  loss,
  full,
  fullHost,
];
