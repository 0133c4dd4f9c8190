/**
 * Checks of a backend: that its flow and its simulated trajectories are those of the float64 twin up to its own
 * rounding, that it computed them itself, and that its precision is the one it reports.
 */
import * as tf from '@tensorflow/tfjs';
import { isOn } from '../../backend/residence.js';
import { Draws, firstOfEach, wideCases } from '../cases.js';
import { atMost, tightest, Worst, type Check, type Measurement } from '../check.js';
import { deviceField, hostField, intoFlow, stateOf } from '../means/fields.js';
import { twinChecks, TWIN } from './againstTwin.js';
import { flowBudget, relativeError } from '../means/precision.js';

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
        const [actual, expected] = [await device.field(states), await hostField(subject, at)!(states)];
        actual.forEach((slope, i) =>
          all.push({ measured: relativeError(slope, expected[i]!), allowed, where: at.name }),
        );
      } finally {
        device.dispose();
      }
    }
    return tightest(all);
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
      ...worst.result,
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
    const actual = await product.data();
    product.dispose();
    const worst = new Worst();
    data.forEach((value, i) => worst.add(Math.abs(actual[i]! - value) / Math.abs(value), `entry ${i}`));
    const { measured } = worst.result;
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

export const backendChecks: readonly Check[] = [
  flow,
  ...twinChecks('backends', 'tensor-ops', { scope: 'float64-loss' }),
  residence,
  precision,
];
