/**
 * Checks that trajectories of the simulator end where those of the float64 twin do, by either path: in fixed steps,
 * step by step, and in adaptive ones.
 */
import { answered } from '../../../kernels/cpu/field.js';
import type { State64 } from '../../../kernels/cpu/state.js';
import { adaptiveNames, fixedFlowNames, method } from '../../method/methods.js';
import { rungeKutta } from '../../method/schemes/rungeKutta.js';
import type { Method } from '../../method/method.js';
import type { Path } from '../../solver/paths.js';
import { firstOfEach, timeOf, type Case } from '../cases.js';
import { atMost, tightest, type Check, type CheckContext, type Measurement } from '../check.js';
import { hostField, stateOf } from '../means/fields.js';
import { flowBudget, relativeError, roundingName, unitRoundoff } from '../means/precision.js';
import { ends } from '../means/trajectories.js';

export const TWIN = 'the float64 twin (kernels/cpu)';

/** Largest rate times time. */
const HORIZON = 2;
const STEPS = 32;

const stopAt = (at: Case) => ({ saveTimes: [timeOf(at, HORIZON)], steadyTolerance: null });

/** Ends of all adapters of a case, simulated on the backend. */
const simulateEnds = (context: CheckContext, at: Case, by: Method, kernel: Path): Promise<State64[]> =>
  ends(context, at, at.adapters.map(stateOf), { ...stopAt(at), method: by, kernel });

/** End of one adapter by the twin, in the adapter's own coordinates: [B, A]. */
function expectedEnd({ subject }: CheckContext, at: Case, start: State64, by: Method): State64 {
  const stop = { ...stopAt(at), maxSteps: 10_000 };
  return answered(subject.twin(start, 1, by, stop), hostField(subject, at)!).state;
}

/** Growth of a small change of the start, relative to the state, up to the horizon: 1 at least. */
function amplification(context: CheckContext, at: Case): number {
  const nudge = 1e-6;
  const start = stateOf(at.adapters[0]!);
  const by = method('rk4', { step: timeOf(at, HORIZON) / STEPS });
  const end = expectedEnd(context, at, start, by);
  const growths = start.map((_, changed) => {
    const nudged = start.map((z, c) => (c === changed ? z.map((value) => value * (1 + nudge)) : z));
    return relativeError(expectedEnd(context, at, nudged, by), end) / relativeError(nudged, start);
  });
  return Math.max(1, ...growths);
}

const RTOL = 1e-5;
/**
 * Tolerated error at the end: where it falls by a lower order than that of a step, which is controlled, it is larger.
 */
function toleratedEnd({ scheme: { globalOrder, errorOrder } }: Method): {
  readonly error: number;
  readonly why: string;
} {
  if (globalOrder === errorOrder) return { error: 10 * RTOL, why: 'ten times the tolerance' };
  const why = `the tolerance to the power ${globalOrder}/${errorOrder}`;
  return { error: RTOL ** (globalOrder / errorOrder!), why };
}

/** The paths that have checks of their own: in a Krylov space steps are those of tensor operations. */
type Checked = Exclude<Path, 'krylov'>;

const words: Record<Checked, string> = { fused: 'of the fused kernel', 'tensor-ops': 'on the backend' };

/** Checks of trajectories by a path, with fixed and with adaptive steps, for what they can be made on. */
export function twinChecks(
  group: string,
  path: Checked,
  limits: Pick<Check, 'scope' | 'suits'>,
  casesOf: (context: CheckContext) => readonly Case[] = ({ cases }) => cases,
): Check[] {
  const trajectories: Check = {
    id: `${group}/trajectories`,
    claim: `fixed-step trajectories ${words[path]} end where the float64 twin does, step by step`,
    source: TWIN,
    on: 'backend',
    ...limits,
    async measure(context) {
      const { backend } = context;
      const all: Measurement[] = [];
      for (const at of casesOf(context)) {
        const carried = amplification(context, at);
        const perStep = 2 * 2 ** -24 + flowBudget(backend, at).to / STEPS;
        const allowed = atMost(
          STEPS * perStep * carried,
          `${STEPS} steps, each rounding the state twice and its share of the flow, ${roundingName(backend)}; ` +
            `carried on ${carried.toPrecision(2)}-fold`,
        );
        for (const name of fixedFlowNames) {
          const by = method(name, { step: timeOf(at, HORIZON) / STEPS });
          const actual = await simulateEnds(context, at, by, path);
          at.adapters.map(stateOf).forEach((start, i) => {
            const measured = relativeError(actual[i]!, expectedEnd(context, at, start, by));
            all.push({ measured, allowed, where: `${name}, ${at.name}` });
          });
        }
      }
      return tightest(all);
    },
  };
  const adaptive: Check = {
    id: `${group}/adaptive`,
    claim: `adaptive trajectories ${words[path]} end where tightly solved float64 ones do`,
    source: TWIN,
    on: 'backend',
    ...limits,
    async measure(context) {
      const { backend, subject } = context;
      const all: Measurement[] = [];
      const tight: Method = {
        scheme: rungeKutta(subject.tableaus.dopri5),
        control: { kind: 'error', rtol: 1e-11, atol: 0 },
      };
      for (const at of firstOfEach(casesOf(context)))
        for (const name of adaptiveNames) {
          const by = method(name, { rtol: RTOL });
          const { error, why } = toleratedEnd(by);
          const allowed = atMost(
            error + 100 * unitRoundoff(backend),
            `${why} of ${RTOL}, and a hundred roundings of ${roundingName(backend)}`,
          );
          const actual = await simulateEnds(context, at, by, path);
          at.adapters.map(stateOf).forEach((start, i) => {
            const measured = relativeError(actual[i]!, expectedEnd(context, at, start, tight));
            all.push({ measured, allowed, where: `${name}, ${at.name}` });
          });
        }
      return tightest(all);
    },
  };
  return [trajectories, adaptive];
}
