/** The trace-squared loss f(W) = 1/2 (tr W)^2 of a square W (Rushka & Klabjan 2026). Of W0 only the trace matters. */
import { dense, type Dense } from '../numbers/dense.js';
import { InputError } from '../host/inputError.js';
import { traceSquaredFullTrace } from '../theory/traceSquared.js';
import type { Problem } from './problem.js';
import { unitRows } from './spectralDirections.js';

/** tr W0 of a square matrix [n, n]. @throws InputError if it is not square */
export function trace(base: Dense): number {
  if (base.rows !== base.cols) {
    throw new InputError('base', `${base.rows} x ${base.cols}`, 'square for the trace-squared loss');
  }
  let sum = 0;
  for (let i = 0; i < base.rows; i++) sum += base.data[i * base.cols + i] as number;
  return sum;
}

/** The problem on [n, n] matrices with tr W0 = trace0. Its optimum is 0 for every rank. */
export function traceSquared(n: number, trace0: number): Problem {
  return {
    loss: 'trace-squared',
    n,
    m: n,
    structure: { kind: 'trace', trace0 },
    frame: null,
    initialLoss: trace0 ** 2 / 2,
    optimum: () => 0,
    fullFineTuningLoss: (t) => traceSquaredFullTrace(trace0, n, t) ** 2 / 2,
    fullFineTuningRate: n,
    spectralDirections: (rank) => unitRows(rank, n),
    rate: Math.abs(trace0),
    valueAndGradient(update) {
      const p = trace0 + trace(update);
      const gradient = dense(n, n);
      for (let i = 0; i < n; i++) gradient.data[i * n + i] = p;
      return { value: p ** 2 / 2, gradient };
    },
  };
}
