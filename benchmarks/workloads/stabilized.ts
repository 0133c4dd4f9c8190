/**
 * A long horizon, T = 2000, on which the stability of dopri5 and not its accuracy sets its steps: evaluations of dopri5
 * over those of rkc2 at the same tolerance. It counts only if the update X Y^T that rkc2 ends with is as near to the
 * one of dopri5 at a tolerance of 1e-10. In float64; what is counted are evaluations, so that nothing is timed.
 */
import { method, type MethodName } from '../../src/method/methods.js';
import type { Method } from '../../src/method/method.js';
import { rungeKutta } from '../../src/method/schemes/rungeKutta.js';
import { tableaus } from '../../src/method/tableaus.js';
import { openFused } from '../backends.js';
import type { Device } from '../../src/solver/device.js';
import { solve } from '../../src/solver/solve.js';
import { membersOf, problemOf } from '../flow.js';
import { relativeError, updateOf } from '../numbers.js';
import { atLeast, type Measured, type Workload } from '../workload.js';

const SIZE = { n: 384, m: 384, rank: 16 };
const HORIZON = 2000;
const RTOL = 1e-4;
const STARTS = 4;
const reference: Method = {
  scheme: rungeKutta(tableaus.dopri5),
  control: { kind: 'error', rtol: 1e-10, atol: 1e-12 },
};

/** Updates and evaluations of all starts at time T, by a method. */
async function ends(device: Device, how: Method, time: number) {
  const stop = { saveTimes: [time], steadyTolerance: null, maxSteps: 1_000_000 };
  const options = {
    method: how,
    stop,
    chunk: STARTS,
    kernel: 'fused',
    precision: 'float64',
    device,
  } as const;
  const ensemble = { problem: problemOf(SIZE), members: membersOf(SIZE, STARTS) };
  const found = await solve(ensemble, options).all();
  const other = found.find(({ outcome }) => outcome !== 'end-time');
  if (other) throw new Error(`a trajectory ended otherwise: ${other.outcome}`);
  return {
    updates: found.map(({ factors }) => updateOf(factors)),
    evaluations: found.reduce((sum, { evaluations }) => sum + evaluations, 0),
  };
}

export const stabilized: Workload = {
  id: 'stabilized',
  claim: `evaluations of dopri5 over those of rkc2, T = ${HORIZON}`,
  unit: 'x',
  bar: atLeast(8),
  async run() {
    const device = await openFused('wasm');
    const exact = await ends(device, reference, HORIZON);
    const dopri5 = await ends(device, method('dopri5', { rtol: RTOL }), HORIZON);
    const rkc2 = await ends(device, method('rkc2', { rtol: RTOL }), HORIZON);
    const errorsOf = ({ updates }: typeof exact) =>
      updates.map((update, i) => relativeError([update], [exact.updates[i]!]));
    const [errorsDopri5, errorsRkc2] = [errorsOf(dopri5), errorsOf(rkc2)];
    const listed = (errors: readonly number[]) => errors.map((error) => error.toExponential(1)).join(', ');
    return [
      {
        value: dopri5.evaluations / rkc2.evaluations,
        valid: errorsRkc2.every((error, i) => error <= errorsDopri5[i]!),
        note:
          `n = m = ${SIZE.n}, r = ${SIZE.rank}, rtol ${RTOL}, ${STARTS} starts; evaluations: ` +
          `dopri5 ${dopri5.evaluations}, rkc2 ${rkc2.evaluations}; relative errors of X Y^T: ` +
          `dopri5 ${listed(errorsDopri5)}, rkc2 ${listed(errorsRkc2)} (each has to be no larger)`,
      },
    ];
  },
};

/** Methods and the tolerances at which they are set beside dopri5. */
const CHOICES = [
  ['rkc2', 1e-5],
  ['sharpverner6', 1e-6],
  ['sharpverner6', 1e-7],
  ['dop853', 1e-8],
] as const;

/** What the default method rests on (src/method/methods.ts). */
export const methodChoice: Workload = {
  id: 'method-choice',
  claim: 'evaluations of methods over those of dopri5 at their tolerances, as the horizon grows',
  unit: 'x',
  async run() {
    const device = await openFused('wasm');
    const results: Measured[] = [];
    for (const time of [20, 100, 500, 2000])
      for (const [name, rtol] of CHOICES) {
        const by = (each: MethodName) => ends(device, method(each, { rtol, precision: 'float64' }), time);
        const value = (await by(name)).evaluations / (await by('dopri5')).evaluations;
        results.push({ id: `${this.id}-${name}-${rtol}-T=${time}`, value, unit: this.unit });
      }
    return results;
  },
};
