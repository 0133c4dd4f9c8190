/**
 * A mixed batch: targets s E, s log-uniform in [1, 100], one for each trajectory. With X = sqrt(s) X' and Y = sqrt(s)
 * Y' that is the flow to E on a clock of s, from a start over sqrt(s). Step sizes of its own for each trajectory
 * against one that all share, both in float64 on the host; what is counted are steps, so that nothing is timed.
 */
import { evaluator } from '../../kernels/cpu/evaluate.js';
import { answered, fieldOf } from '../../kernels/cpu/field.js';
import type { State64 } from '../../kernels/cpu/state.js';
import { twin } from '../../kernels/cpu/twin.js';
import { rungeKutta } from '../../src/method/schemes/rungeKutta.js';
import { tableaus } from '../../src/method/tableaus.js';
import { uniforms } from '../../src/numbers/philox.js';
import { problemOf, startOf } from '../flow.js';
import { lockStep, type Adaptive } from '../lockStep.js';
import { relativeError } from '../numbers.js';
import { atLeast, type Workload } from '../workload.js';

const SIZE = { n: 32, m: 32, rank: 4 };
const TRAJECTORIES = 32;
const LARGEST_SCALE = 100;
/** In which the slowest, whose largest rate is 1, has come through its transient. */
const END = 20;
const method: Adaptive = {
  scheme: rungeKutta(tableaus.dopri5),
  control: { kind: 'error', rtol: 1e-5, atol: 1e-9 },
};

export const mixedSteps: Workload = {
  id: 'mixed-steps',
  claim: 'steps of a lock-step batch over steps of trajectories on their own, rates from 1 to 100',
  unit: 'x',
  bar: atLeast(3),
  run() {
    const { structure } = problemOf(SIZE);
    if (structure.kind === 'autodiff') throw new Error('the Frobenius flow is built in');
    const field = fieldOf(evaluator(structure), SIZE.rank);
    const clocks = Array.from(
      uniforms(TRAJECTORIES, { seed: 1, rank: 0, trial: 0 }, 'mixing'),
      (uniform) => LARGEST_SCALE ** uniform,
    );
    const starts = clocks.map((scale, trial): State64 => {
      const { x, y } = startOf(SIZE, trial);
      return [x.data, y.data].map((z) => z.map((value) => value / Math.sqrt(scale)));
    });
    const stop = { saveTimes: [END], steadyTolerance: null, maxSteps: 1_000_000 };
    const own = starts.map((start, i) => answered(twin(start, clocks[i]!, method, stop), field));
    const ownSteps = own.reduce((sum, ending) => sum + ending.acceptedSteps + ending.rejectedSteps, 0);
    const shared = lockStep(field, starts, clocks, method, END);
    const sharedSteps = TRAJECTORIES * shared.steps;
    const difference = Math.max(...own.map(({ state }, i) => relativeError(state, shared.states[i]!)));
    const note =
      `dopri5 at rtol ${method.control.rtol}, ${TRAJECTORIES} trajectories, n = m = ${SIZE.n}, r = ${SIZE.rank}, to t = ${END}: ` +
      `${ownSteps} steps on their own, ${sharedSteps} in lock step (largest scaled error of all as the error); ` +
      `ends differ by ${difference.toExponential(1)} at most`;
    const result = { value: sharedSteps / ownSteps, note };
    return Promise.resolve([result]);
  },
};
