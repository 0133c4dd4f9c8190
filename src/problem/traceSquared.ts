/** The trace-squared loss f(W) = 1/2 (tr W)^2 of a square W (Rushka & Klabjan 2026). Of W0 only the trace matters. */
import type { Tensor1D } from '@tensorflow/tfjs';
import { isGradientMotion } from '../flow/motion.js';
import { InputError } from '../host/inputError.js';
import { dense, identity, scaled, type Dense } from '../numbers/dense.js';
import { updateSingularValues } from '../numbers/updateSingularValues.js';
import {
  gaussianGapSquared,
  spectralGap,
  traceSquaredFullTrace,
  traceSquaredPath,
  traceSquaredRate,
} from '../theory/traceSquared.js';
import { unknownForms, type BuiltInLoss, type Law, type Setting } from './loss.js';
import type { Metric } from './metric.js';
import type { Problem } from './problem.js';
import { checkScale } from './scale.js';
import { spectralMatrix, spectrumOf, type Shape, type SourceSpec } from './source.js';
import { unitColumns, unitRows } from './spectralDirections.js';
import type { TraceStructure } from './structure.js';

/** |dW - dW of full fine-tuning|_F; full fine-tuning's own way, |tr W0| / sqrt(n), measures its floor. */
const distanceFromFull: Metric = {
  name: 'distance from full fine-tuning',
  accuracyOf: (_, { distance }) => distance ?? NaN,
  floor: ({ n }, initialLoss, relativeExcess) => Math.sqrt((relativeExcess * 2 * initialLoss) / n),
  // The update moves by less than |tr W|.
  farthest: (excess) => Math.sqrt(2 * excess),
};

type TraceProblem = Problem<TraceStructure>;

function law({ structure: { trace0 }, n }: TraceProblem, { rank, draw, motion }: Setting): Law | null {
  if (!isGradientMotion(motion)) return null;
  switch (draw) {
    case 'gaussian':
      return {
        value: Math.sqrt(gaussianGapSquared(trace0, n, rank)),
        name: 'root mean square over Gaussian A0, exact',
      };
    case 'orthonormal-rows':
      return { value: spectralGap(trace0, n, rank), name: '|tr W0| sqrt(1/r - 1/n)' };
    case 'other':
      return null;
  }
}

export const traceSquaredLoss: BuiltInLoss<TraceStructure> = {
  name: 'trace-squared',
  matrix: 'base',
  dependsOn: 'trace',
  square: true,
  curvatures: [],
  ...unknownForms,
  metric: distanceFromFull,
  isSpectral: false,
  law,
  // At rank 1 the end point -p0 a a^T / |a|^2 is at the same distance for every a.
  expectedSquare: ({ structure: { trace0 }, n }, { rank, draw, motion }) =>
    isGradientMotion(motion) && draw === 'gaussian' && rank > 1 ? gaussianGapSquared(trace0, n, rank) : null,
  distance: (problem, setting) => law(problem, setting)?.value ?? null,
  // The loss depends on A0 through |A0| alone.
  isCurveShared: (draw) => draw === 'orthonormal-rows',
  closedForm({ structure: { trace0 } }, { x, y }, motion) {
    if (!isGradientMotion(motion)) return null;
    const path = traceSquaredPath({ trace0, x0: x, y0: y });
    return {
      name: 'trace-squared closed form',
      rate: path.rate,
      loss: (tau) => path.loss(tau),
      singularValues: (tau) => updateSingularValues(path.factors(tau)),
    };
  },
  lateRate: ({ structure: { trace0 } }, { motion, ...squares }) =>
    isGradientMotion(motion) ? traceSquaredRate(trace0, squares) : null,
  // The zero adapter is the one saddle, as if |tr W0| were the only singular value.
  saddles: ({ structure: { trace0 } }) => [{ index: 1, missing: Math.abs(trace0), present: 0 }],
  weightedSingularValues: (_, { x, y }) => [
    Math.abs(x.data.reduce((sum, value, i) => sum + value * y.data[i]!, 0)),
  ],
  problem(source, { n, m }, base) {
    if (source.target)
      throw new InputError('target', source.spec.target, 'left out: trace-squared knows only W0 (base)');
    if (n !== m) throw new InputError('shape', `${n}x${m}`, 'square for the trace-squared loss');
    const trace0 = base ? trace(base) : spectralTrace(source.spec, { n, m });
    checkScale(base ? 'base' : 'spectrum', '|tr W0|', Math.abs(trace0), 'target');
    return traceSquared(n, trace0);
  },
  formula: {
    tensor: (w, unit) => w.mul(unit).sum<Tensor1D>([1, 2]).square().mul(0.5),
    host(w, { rows: n }) {
      let sum = 0;
      for (let i = 0; i < n; i++) sum += w[i * n + i]!;
      return sum ** 2 / 2;
    },
  },
  examples: [
    {
      name: 'trace-squared',
      make: (base) => ({
        problem: traceSquared(base.rows, trace(base)),
        matrices: [identity(base.rows)],
      }),
    },
  ],
  rotated: (problem) => problem,
};

/** tr W0 of a square matrix [n, n]. @throws InputError if it is not square */
export function trace(base: Dense): number {
  if (base.rows !== base.cols) {
    throw new InputError('base', `${base.rows} x ${base.cols}`, 'square for the trace-squared loss');
  }
  let sum = 0;
  for (let i = 0; i < base.rows; i++) sum += base.data[i * base.cols + i] as number;
  return sum;
}

/** The trace of U diag(sigma) V^T, which without U and V is the sum of the spectrum. */
const spectralTrace = (spec: SourceSpec, shape: Shape): number =>
  spec.vectors === 'random'
    ? trace(spectralMatrix(spec, shape))
    : spectrumOf(spec, shape).reduce((sum, s) => sum + s, 0);

/** The problem on [n, n] matrices with tr W0 = trace0. Its optimum is 0 for every rank. */
export function traceSquared(n: number, trace0: number): Problem {
  return {
    loss: traceSquaredLoss,
    n,
    m: n,
    structure: { kind: 'trace', trace0 },
    frame: null,
    initialLoss: trace0 ** 2 / 2,
    optimum: () => 0,
    fullFineTuningLoss: (t) => traceSquaredFullTrace(trace0, n, t) ** 2 / 2,
    fullFineTuningRate: n,
    spectralDirections: (rank) => unitRows(rank, n),
    descentTriples: (count) => ({
      left: unitColumns(n, count),
      sigma: new Float64Array(count).fill(Math.abs(trace0)),
      right: scaled(unitColumns(n, count), trace0 > 0 ? -1 : 1),
    }),
    rate: Math.abs(trace0),
    valueAndGradient(update) {
      const p = trace0 + trace(update);
      const gradient = dense(n, n);
      for (let i = 0; i < n; i++) gradient.data[i * n + i] = p;
      return { value: p ** 2 / 2, gradient };
    },
  };
}
