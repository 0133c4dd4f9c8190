/** Checks that what is simulated follows the closed forms of every flow on the Frobenius loss: by the solver and the twin. */
import { answered } from '../../../../kernels/cpu/field.js';
import { flow, gradientFlow } from '../../../flow/flow.js';
import { dense, inner, transposed } from '../../../numbers/dense.js';
import { multiply, multiplyTransposedLeft, multiplyTransposedRight } from '../../../numbers/products.js';
import type { Method } from '../../../method/method.js';
import { method } from '../../../method/methods.js';
import { rungeKutta } from '../../../method/schemes/rungeKutta.js';
import { assembled } from '../../../problem/frame.js';
import { errorOf } from '../../../problem/frobenius.js';
import type { Adapter } from '../../../ensemble/adapter.js';
import { Draws } from '../../cases.js';
import { atMost, Worst, type Check, type CheckContext } from '../../check.js';
import { hostField, stateOf, updateOf } from '../../means/fields.js';
import { relativeError } from '../../means/precision.js';
import { adaptive, pathBudget } from '../../means/trajectories.js';
import { simulateAdapters } from '../closedForms/simulate.js';
import type { SpectralCase } from '../closedForms/problems.js';
import { alignedAdapter, movedCase } from './cases.js';

/** A case with its closed form: s B A [n, m] of an adapter at time t, and times until it has moved by its size. */
interface PathCase {
  readonly name: string;
  readonly at: SpectralCase;
  readonly times: readonly number[];
  /** Steps between two times, where the flow is followed in fixed ones. */
  readonly steps: number | null;
  expected(adapter: Adapter, t: number): Float64Array;
}

/** s B A of the modes that move apart. */
const ofModes =
  ({ frame }: SpectralCase, path: { product(t: number): Float64Array }) =>
  (_: Adapter, t: number): Float64Array =>
    assembled(frame, path.product(t)).data;

/** Entries of an aligned factor on its modes, of one length. */
const onModes = ({ sigma, rank }: SpectralCase, length: number): Float64Array =>
  sigma.map((_, i) => (i < rank ? length : 0));

/** Past the indices of cases: draws of frozen B0. */
const FROZEN = 1000;

/** A frozen A, from B0 = 0; a frozen B, from A0 = 0, as its mirror image. */
function frozenCase(context: CheckContext, index: number, factor: 'A' | 'B'): PathCase {
  const drawn = movedCase(context, index, () => gradientFlow, { [`lrRatio${factor}`]: 0 });
  const { n, m } = drawn.problem;
  const draws = new Draws(context.seed, 'flow', index + FROZEN);
  const adapters = drawn.adapters.map(({ loraA }) =>
    factor === 'A'
      ? { loraA, loraB: dense(n, drawn.rank) }
      : { loraB: draws.gaussian(n, drawn.rank, 1 / Math.sqrt(n)), loraA: dense(drawn.rank, m) },
  );
  const at = { ...drawn, adapters };
  const { scale, lrRatioA, lrRatioB } = at.coefficients;
  const error = errorOf(at.problem);
  const speed = scale ** 2 * (factor === 'A' ? lrRatioB : lrRatioA);
  const still = ({ loraA, loraB }: Adapter) => (factor === 'A' ? transposed(loraA) : loraB);
  const largest = Math.max(...adapters.map(still).map((z) => inner(z, z)));
  return {
    name: `frozen ${factor}`,
    at,
    times: [0.5, 1, 3].map((x) => x / (speed * largest)),
    steps: null,
    expected(adapter, t) {
      const frozen = still(adapter);
      const path = context.subject.theory.frozenPath({
        seen: factor === 'A' ? multiply(error, frozen) : multiplyTransposedLeft(error, frozen),
        moving: dense(factor === 'A' ? n : m, at.rank),
        frozen,
        squares: inner(error, error),
      });
      const moving = path.moving(speed * t);
      return (
        factor === 'A' ? multiplyTransposedRight(moving, frozen) : multiplyTransposedRight(frozen, moving)
      ).data;
    },
  };
}

function decayCase(context: CheckContext, index: number, coupledDecay: boolean): PathCase {
  const share = 0.4;
  const drawn = movedCase(context, index, () => gradientFlow);
  // One ratio of both factors keeps those of coupled decay balanced.
  const coefficients = coupledDecay
    ? { ...drawn.coefficients, lrRatioA: drawn.coefficients.lrRatioB }
    : drawn.coefficients;
  const { scale, lrRatioA, lrRatioB } = coefficients;
  const c = scale * Math.sqrt(lrRatioA * lrRatioB);
  const decay = share * c * drawn.sigma[drawn.rank - 1]!;
  const by = coupledDecay ? { coupledDecay: decay / lrRatioB } : { decay };
  const at = { ...drawn, coefficients, flow: flow('gradient', by) };
  const adapter = alignedAdapter(at);
  const size0 = onModes(at, Math.hypot(...adapter.loraB.data) / Math.sqrt(at.rank * lrRatioB));
  const path = context.subject.theory.decayPath({ sigma: at.sigma, c, size0, decay });
  return {
    name: coupledDecay ? 'coupled decay' : 'decoupled decay',
    at: { ...at, adapters: [adapter] },
    times: [0.5, 1, 3].map((x) => x / c),
    steps: null,
    expected: ofModes(at, path),
  };
}

function preconditionedCase(context: CheckContext, index: number, rule: 'scaled' | 'projected'): PathCase {
  const change = rule === 'projected' ? { lrRatioA: 1, lrRatioB: 1 } : {};
  const at = movedCase(context, index, () => flow(rule), change);
  const { scale, lrRatioA, lrRatioB } = at.coefficients;
  const adapter = alignedAdapter(at);
  const speed = rule === 'scaled' ? scale ** 2 * (lrRatioA + lrRatioB) : 1;
  const path = context.subject.theory.preconditionedPath({
    sigma: at.sigma,
    product0: onModes(at, 0.2 * at.sigma[at.rank - 1]!),
    speed,
  });
  return {
    name: rule,
    at: { ...at, adapters: [adapter] },
    times: [0.25, 1, 2].map((x) => x / speed),
    steps: null,
    expected: ofModes(at, path),
  };
}

function spectralCase(context: CheckContext, index: number): PathCase {
  const at = movedCase(context, index, () => flow('spectral'));
  const { scale, lrRatioA, lrRatioB } = at.coefficients;
  const adapter = alignedAdapter(at);
  const length = Math.hypot(...adapter.loraB.data) / Math.sqrt(at.rank * lrRatioB);
  const root = Math.sqrt(scale);
  const path = context.subject.theory.spectralFlowPath({
    sigma: at.sigma,
    x0: onModes(at, root * length * Math.sqrt(lrRatioB)),
    y0: onModes(at, root * length * Math.sqrt(lrRatioA)),
    speeds: [root * lrRatioB, root * lrRatioA],
  })!;
  // Until the last mode that moves is about to arrive, first of all.
  const arrival = path.arrivals[at.rank - 1]!;
  return {
    name: 'spectral',
    at: { ...at, adapters: [adapter] },
    times: [0.3, 0.6, 0.9].map((x) => x * arrival),
    steps: 8,
    expected: ofModes(at, path),
  };
}

const pathCases = (context: CheckContext): PathCase[] =>
  [0, 1, 2].flatMap((i) => [
    frozenCase(context, i, 'A'),
    frozenCase(context, i + 3, 'B'),
    decayCase(context, i + 6, false),
    decayCase(context, i + 9, true),
    preconditionedCase(context, i + 12, 'scaled'),
    preconditionedCase(context, i + 15, 'projected'),
    spectralCase(context, i + 18),
  ]);

const SOURCE = 'derived from the flows; Tong et al. 2021, Koch & Lubich 2007, Kang et al. 2026';

const paths: Check = {
  id: 'flows/paths',
  claim:
    'with a frozen factor, under either decay, and under scaled, projected and spectral flows, s B A follows its closed form',
  source: SOURCE,
  on: 'backend',
  async measure(context) {
    const worst = new Worst();
    for (const { name, at, times, steps, expected } of pathCases(context)) {
      const rule =
        steps === null
          ? adaptive(context.backend)
          : { method: method('rk4', { step: times[0]! / steps }), steadyTolerance: null };
      const snapshots = await simulateAdapters(context, at, times, rule);
      snapshots.forEach((adapters, i) =>
        adapters.forEach((snapshot, k) =>
          worst.add(
            relativeError([snapshot.update()], [expected(at.adapters[k]!, times[i]!)]),
            `${name}: ${at.name}`,
          ),
        ),
      );
    }
    return { ...worst.result, allowed: pathBudget(context.backend) };
  },
};

/** Steps of the twin to the first of the times, of which the others are multiples. */
const TWIN_STEPS = 32;

const twinPaths: Check = {
  id: 'flows/twin-paths',
  claim: 'so does the float64 twin',
  source: SOURCE,
  on: 'host',
  async measure(context) {
    const { subject } = context;
    const worst = new Worst();
    for (const { name, at, times, expected } of pathCases(context)) {
      const by: Method = {
        scheme: rungeKutta(subject.tableaus.dopri5),
        control: { kind: 'fixed', step: times[0]! / TWIN_STEPS },
      };
      const stop = { saveTimes: times, steadyTolerance: null, maxSteps: 100_000 };
      const field = hostField(subject, at)!;
      for (const adapter of at.adapters) {
        const { saved } = answered(subject.twin(stateOf(adapter), 1, by, stop), field);
        saved.forEach((state, i) =>
          worst.add(
            relativeError([updateOf(at, state)], [expected(adapter, times[i]!)]),
            `${name}: ${at.name}`,
          ),
        );
      }
    }
    return {
      ...worst.result,
      allowed: atMost(1e-9, `${TWIN_STEPS} steps of order 5 to the first time: truncation below 1e-10`),
    };
  },
};

export const pathChecks: readonly Check[] = [paths, twinPaths];
