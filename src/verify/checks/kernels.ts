/**
 * Checks of a backend's fused kernel: that its trajectories are those of the float64 twin, in float32 up to rounding,
 * in float64 step for step.
 */
import { answered, fieldOf } from '../../../kernels/cpu/field.js';
import type { TwinEnding } from '../../../kernels/cpu/twin.js';
import { fusedKernel } from '../../../kernels/fused.js';
import type { BackendInfo } from '../../backend/backend.js';
import { clock } from '../../flow/normalization.js';
import { HIGH_ORDER } from '../../method/control.js';
import type { Method } from '../../method/method.js';
import { isAdaptive, method, flowMethodNames } from '../../method/methods.js';
import type { Trajectory } from '../../solver/chunk.js';
import { twinChecks, TWIN } from './againstTwin.js';
import { decayingAndFrozen, firstOfEach, timeOf, type Case } from '../cases.js';
import { atMost, Worst, type Check, type CheckContext } from '../check.js';
import { intoFlow, stateOf } from '../means/fields.js';
import { relativeError } from '../means/precision.js';
import { solveCase, MOST_STEPS } from '../means/trajectories.js';

const has =
  (precision: 'float32' | 'float64') =>
  ({ name }: Pick<BackendInfo, 'name'>): boolean =>
    fusedKernel(name)?.precisions.includes(precision) ?? false;

/** The cases that the kernel is for; the first of each kind also under decay and with a frozen factor. */
const kernelCases = ({ backend, cases }: CheckContext): readonly Case[] => {
  const kinds = fusedKernel(backend.name)?.kinds ?? [];
  const own = cases.filter(({ problem }) => kinds.includes(problem.structure.kind));
  return [...own, ...decayingAndFrozen(firstOfEach(own))];
};

/** Largest rate times time. */
const HORIZON = 20;

/** Every trajectory of a case by every method, by the kernel in float64 and by the twin in the same coordinates. */
async function* pairs(
  context: CheckContext,
): AsyncGenerator<{ actual: Trajectory; expected: TwinEnding; by: Method; where: string }> {
  const { subject } = context;
  for (const at of kernelCases(context)) {
    const { structure } = at.problem;
    if (structure.kind === 'autodiff') continue;
    const field = fieldOf(subject.evaluator(structure), at.rank, subject.motionOf(at.coefficients, at.flow));
    const time = timeOf(at, HORIZON);
    const starts = at.adapters.map((adapter) => intoFlow(subject, at, stateOf(adapter)));
    // Estimated errors of dop853 are rounding where the flow comes to rest, and so are the sizes of its steps there.
    for (const name of flowMethodNames.filter((each) => each !== 'dop853')) {
      const by = isAdaptive(name) ? method(name, { rtol: 1e-4 }) : method(name, { step: time / 200 });
      const stop = { saveTimes: [time / 2, time], steadyTolerance: 1e-3, maxSteps: MOST_STEPS };
      const run = { ...stop, method: by, kernel: 'fused', precision: 'float64' } as const;
      const all = await solveCase(context, at, starts, run);
      for (const [i, { x, y }] of starts.entries()) {
        const expected = answered(
          subject.twin([x.data, y.data], clock(at.coefficients, at.flow), by, stop),
          field,
        );
        yield { actual: all[i]!, expected, by, where: `${name}, ${at.name}` };
      }
    }
  }
}

const decisions: Check = {
  id: 'kernels/decisions',
  claim:
    'in float64 the fused kernel ends as the twin does, after as many steps and evaluations: trajectories that do not',
  source: TWIN,
  on: 'backend',
  suits: has('float64'),
  async measure(context) {
    let different = 0;
    let first = 'none';
    for await (const { actual, expected, where } of pairs(context)) {
      const keys = ['outcome', 'acceptedSteps', 'rejectedSteps', 'evaluations'] as const;
      if (keys.every((key) => actual[key] === expected[key])) continue;
      if (different++ === 0) first = where;
    }
    return { measured: different, where: first, allowed: atMost(0, 'the same decisions, in float64') };
  },
};

const HIGH_ORDER_ROUNDINGS = 1e-10;

/** Relative difference of ends that roundings make in float64. */
const roundingsOf = ({ scheme }: Method): number =>
  (scheme.errorOrder ?? 0) < HIGH_ORDER ? 1e-12 : HIGH_ORDER_ROUNDINGS;

const states: Check = {
  id: 'kernels/float64',
  claim:
    'in float64 the fused kernel ends in the state that the twin ends in: error over what roundings make',
  source: TWIN,
  on: 'backend',
  suits: has('float64'),
  async measure(context) {
    const worst = new Worst();
    for await (const { actual, expected, by, where } of pairs(context)) {
      const { x, y } = actual.factors;
      worst.add(relativeError([x.data, y.data], expected.state) / roundingsOf(by), where);
    }
    return {
      ...worst.result,
      allowed: atMost(
        1,
        `1e-12, sums in another order: float64 roundings of some hundred steps; ${HIGH_ORDER_ROUNDINGS} where those of ` +
          'estimated errors show in sizes of steps, which are not rounded to float32',
      ),
    };
  },
};

const inFloat32 = twinChecks('kernels', 'fused', { suits: has('float32') }, kernelCases);

export const kernelChecks: readonly Check[] = [...inFloat32, states, decisions];
