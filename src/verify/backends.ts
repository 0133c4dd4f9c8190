/**
 * Checks of a backend: that its flow and its simulated trajectories are those of the float64 twin up to its own
 * rounding, that it computed them itself, and that its precision is the one it reports.
 */
import * as tf from '@tensorflow/tfjs';
import { answered, type State64 } from '../../kernels/cpu/step.js';
import { isOn } from '../backend/residence.js';
import { method, type Method } from '../method/method.js';
import { twin } from '../../kernels/cpu/twin.js';
import { Draws, firstOfEach, timeOf, wideCases, type Case } from './cases.js';
import { atMost, tightest, Worst, type Check, type Context, type Measurement } from './check.js';
import { deviceField, hostField, intoFlow, stateOf } from './fields.js';
import { ends } from './trajectories.js';
import { flowBudget, relativeError, roundingName, unitRoundoff } from './precision.js';

const TWIN = 'the float64 twin (kernels/cpu)';

const flow: Check = {
  id: 'backends/flow',
  claim: 'the flow on the backend is that of the float64 twin, at large sizes too',
  source: TWIN,
  on: 'backend',
  async measure(context) {
    const { subject, backend, seed } = context;
    const all: Measurement[] = [];
    for (const at of [...context.cases, ...wideCases(seed)]) {
      const allowed = flowBudget(backend, at);
      const device = deviceField(subject, at);
      try {
        const states = at.adapters.map(stateOf);
        const [found, expected] = [await device.field(states), await hostField(subject, at)!(states)];
        found.forEach((slope, i) =>
          all.push({ measured: relativeError(slope, expected[i]!), allowed, where: at.name }),
        );
      } finally {
        device.dispose();
      }
    }
    return tightest(all);
  },
};

/** Largest rate times time. */
const HORIZON = 2;
const STEPS = 32;
const fixedStep = ['rk4', 'gd-simultaneous', 'gd-a-then-b', 'gd-b-then-a'] as const;

/** Ends of all adapters of a case, simulated on the backend. */
const simulated = (context: Context, at: Case, by: Method): Promise<State64[]> =>
  ends(context, at, at.adapters.map(stateOf), {
    method: by,
    saveTimes: [timeOf(at, HORIZON)],
    steadyTolerance: null,
  });

/** The same by the twin, in the adapter's own coordinates. */
async function expectedEnd({ subject }: Context, at: Case, start: State64, by: Method): Promise<State64> {
  const stop = { saveTimes: [timeOf(at, HORIZON)], steadyTolerance: null, maxSteps: 10_000 };
  return answered(twin(start, 1, by, stop), hostField(subject, at)!).state;
}

/** How much larger, relative to the state, a small change of the start is at the horizon: 1 at least. */
async function amplification(context: Context, at: Case): Promise<number> {
  const nudge = 1e-6;
  const start = stateOf(at.adapters[0]!);
  const by = method('rk4', { step: timeOf(at, HORIZON) / STEPS });
  const end = await expectedEnd(context, at, start, by);
  const growths = await Promise.all(
    start.map(async (_, changed) => {
      const nudged = start.map((z, c) => (c === changed ? z.map((value) => value * (1 + nudge)) : z));
      return relativeError(await expectedEnd(context, at, nudged, by), end) / relativeError(nudged, start);
    }),
  );
  return Math.max(1, ...growths);
}

const trajectories: Check = {
  id: 'backends/trajectories',
  claim: 'fixed-step trajectories on the backend end where the float64 twin does, step by step',
  source: TWIN,
  on: 'backend',
  scope: 'float64-loss',
  async measure(context) {
    const { backend, cases } = context;
    const all: Measurement[] = [];
    for (const at of cases) {
      const carried = await amplification(context, at);
      const perStep = 2 * 2 ** -24 + flowBudget(backend, at).to / STEPS;
      const allowed = atMost(
        STEPS * perStep * carried,
        `${STEPS} steps, each rounding the state twice and its share of the flow, ${roundingName(backend)}; ` +
          `carried on ${carried.toPrecision(2)}-fold`,
      );
      for (const name of fixedStep) {
        const by = method(name, { step: timeOf(at, HORIZON) / STEPS });
        const ends = await simulated(context, at, by);
        for (const [i, start] of at.adapters.map(stateOf).entries()) {
          const expected = await expectedEnd(context, at, start, by);
          all.push({ measured: relativeError(ends[i]!, expected), allowed, where: `${name}, ${at.name}` });
        }
      }
    }
    return tightest(all);
  },
};

const RTOL = 1e-5;

const adaptive: Check = {
  id: 'backends/adaptive',
  claim: 'adaptive trajectories on the backend end where tightly solved float64 ones do',
  source: TWIN,
  on: 'backend',
  scope: 'float64-loss',
  async measure(context) {
    const { backend, cases, subject } = context;
    const worst = new Worst();
    const tight: Method = { kind: 'adaptive', tableau: subject.tableaus.dopri5, rtol: 1e-11, atol: 0 };
    for (const at of firstOfEach(cases))
      for (const name of ['dopri5', 'bosh3'] as const) {
        const ends = await simulated(context, at, method(name, { rtol: RTOL }));
        for (const [i, start] of at.adapters.map(stateOf).entries()) {
          const expected = await expectedEnd(context, at, start, tight);
          worst.add(relativeError(ends[i]!, expected), `${name}, ${at.name}`);
        }
      }
    return {
      ...worst.found,
      allowed: atMost(
        10 * RTOL + 100 * unitRoundoff(backend),
        `ten times the tolerance of ${RTOL}, and a hundred roundings of ${roundingName(backend)}`,
      ),
    };
  },
};

const residence: Check = {
  id: 'backends/residence',
  claim: 'the flow is computed by the backend itself: results that are anywhere else',
  source: 'where TensorFlow.js keeps their values',
  on: 'backend',
  scope: 'any-loss',
  measure({ subject, backend, cases }) {
    const worst = new Worst();
    for (const at of firstOfEach(cases)) {
      const { n, m, structure } = at.problem;
      const { x, y } = intoFlow(subject, at, stateOf(at.adapters[0]!));
      const system = subject.loraSystem(structure, { n, m, width: at.rank });
      const elsewhere = tf.tidy(() => {
        const state = [x, y].map(({ rows, cols, data }) =>
          tf.tensor3d(Float32Array.from(data), [1, rows, cols]),
        );
        // First a sum of tensors that no device has seen: of these, if small, a backend may take care on the host.
        const results = [...state.map((z) => tf.add(z, z)), ...system.derivative(state)];
        return results.filter((result) => !isOn(backend.name, result)).length;
      });
      system.dispose();
      worst.add(elsewhere, at.name);
    }
    return Promise.resolve({
      ...worst.found,
      allowed: atMost(0, 'none may be computed on the host instead'),
    });
  },
};

/** Large enough for the matrix units of a GPU to be used. */
const PROBE = 64;

const precision: Check = {
  id: 'backends/precision',
  claim: 'matrix products have the precision that the backend reports: error of a product with the identity',
  source: 'IEEE 754 binary32, or TensorFloat-32 with 10 bits of fraction',
  on: 'backend',
  async measure({ subject, backend, seed }) {
    const { data } = new Draws(seed, 'probe', 0).gaussian(PROBE, PROBE, 1);
    const product = tf.tidy(() => {
      const factor = tf.tensor3d(Float32Array.from(data), [1, PROBE, PROBE]);
      return subject.matMul(factor, tf.eye(PROBE).expandDims<tf.Tensor3D>(0));
    });
    const found = await product.data();
    product.dispose();
    const worst = new Worst();
    data.forEach((value, i) => worst.add(Math.abs(found[i]! - value) / Math.abs(value), `entry ${i}`));
    const { measured } = worst.found;
    return {
      measured,
      where: `${backend.precision} is reported`,
      allowed:
        backend.precision === 'float32'
          ? atMost(0, 'every factor is a float32 number')
          : atMost(2 ** -11, 'factors are rounded to TensorFloat-32 or alike, and budgets are wider for it'),
    };
  },
};

export const backendChecks: readonly Check[] = [flow, trajectories, adaptive, residence, precision];
