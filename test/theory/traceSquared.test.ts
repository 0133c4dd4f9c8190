/** Closed forms of the trace-squared loss against DOP853's solutions, their late rates, and sampled means. */
import { Matrix } from 'ml-matrix';
import { describe, expect, it } from 'vitest';
import { dense } from '../../src/numbers/dense.js';
import { fromMatrix, toMatrix } from '../support.js';
import {
  gaussianGapSquared,
  spectralGap,
  traceSquaredFinalUpdate,
  traceSquaredFullTrace,
  traceSquaredPath,
} from '../../src/theory/traceSquared.js';
import {
  tolerance,
  rateTolerance,
  type RawDense,
  reference,
  read,
  matrix,
  coupling,
  scaled,
  gap,
  measuredRate,
  worstGap,
} from './support.js';

const traceOf = (raw: RawDense) => matrix(raw).trace();

describe.each(reference.trace)('trace-squared LoRA, $name', (flow) => {
  const trace0 = traceOf(flow.w0);
  const { x, y } = scaled(flow);
  const input = { trace0, c: coupling(flow), x0: fromMatrix(x), y0: fromMatrix(y) };
  const path = traceSquaredPath(input);

  it('follows the reference', () => {
    expect(worstGap(flow, (t) => toMatrix(path.update(t)))).toBeLessThan(tolerance);
    flow.times.forEach((t, i) => {
      const trace = trace0 + matrix(flow.updates[i] as RawDense).trace();
      expect(Math.abs(path.trace(t) - trace)).toBeLessThan(tolerance * Math.abs(trace0));
      expect(Math.abs(path.loss(t) - (flow.losses[i] as number))).toBeLessThan(tolerance * trace0 ** 2);
    });
  });

  it('is not the path of another coupling or another sign', () => {
    const wrong = [
      { ...input, c: 1 },
      { ...input, trace0: -trace0 },
    ];
    for (const other of wrong.map(traceSquaredPath)) {
      expect(worstGap(flow, (t) => toMatrix(other.update(t)))).toBeGreaterThan(1e-2);
    }
  });

  // One without late times ends on a saddle, which the reference's rounding leaves.
  it.skipIf(!flow.late)('has the rate that late times show', () => {
    const late = flow.late!;
    expect(Math.abs(measuredRate(late) / path.rate - 1)).toBeLessThan(rateTolerance);
    const [t, trace] = [late.times[1], late.values[1]];
    expect(Math.abs(path.trace(t) / trace - 1)).toBeLessThan(rateTolerance);
    expect(path.trace(Infinity)).toBeCloseTo(0, 300);
  });

  it('stays finite for ever', () => {
    for (const t of [1e3, 1e6, Infinity]) {
      expect(path.update(t).data.every(Number.isFinite)).toBe(true);
      expect(Number.isFinite(path.loss(t))).toBe(true);
    }
  });
});

describe('trace-squared ends', () => {
  it('gives the end of B0 = 0 without the path', () => {
    for (const flow of reference.trace.filter(({ name }) => name.endsWith('zero'))) {
      const { x, y } = scaled(flow);
      const trace0 = traceOf(flow.w0);
      const path = traceSquaredPath({ trace0, c: coupling(flow), x0: fromMatrix(x), y0: fromMatrix(y) });
      const end = toMatrix(traceSquaredFinalUpdate(trace0, read(flow.a0)));
      expect(gap(toMatrix(path.update(Infinity)), end)).toBeLessThan(1e-14);
      expect(end.trace()).toBeCloseTo(-trace0, 12);
    }
    expect(() => traceSquaredFinalUpdate(1, dense(1, 3))).toThrow('A0 is zero');
  });

  it('dies out on the saddles: X0 = Y0 under tr W0 > 0, X0 = -Y0 under tr W0 < 0', () => {
    const x0 = dense(3, 1, Float64Array.of(0.3, -0.2, 0.5));
    const mirrored = dense(
      3,
      1,
      x0.data.map((v) => -v),
    );
    for (const [trace0, y0] of [
      [2, x0],
      [-2, mirrored],
    ] as const) {
      const path = traceSquaredPath({ trace0, c: 0.7, x0, y0 });
      expect(path.trace(Infinity)).toBeCloseTo(trace0, 14);
      expect(toMatrix(path.update(Infinity)).norm()).toBeLessThan(1e-290);
    }
    expect(traceSquaredPath({ trace0: -2, c: 0.7, x0, y0: x0 }).trace(Infinity)).toBeCloseTo(0, 14);
  });

  it('follows full fine-tuning', () => {
    const { w0, times, updates } = reference.traceFull;
    const trace0 = traceOf(w0);
    const update = (t: number) =>
      Matrix.eye(w0.rows).mul((traceSquaredFullTrace(trace0, w0.rows, t) - trace0) / w0.rows);
    expect(worstGap({ times, updates }, update)).toBeLessThan(tolerance);
  });

  it('has the rank-accuracy law of spectral initialization', () => {
    const [n, trace0] = [6, -1.7];
    for (const rank of [1, 2, 5, 6]) {
      const a0 = fromMatrix(Matrix.eye(rank, n).mul(0.4));
      const distance = toMatrix(traceSquaredFinalUpdate(trace0, a0)).add(Matrix.eye(n).mul(trace0 / n));
      expect(distance.norm()).toBeCloseTo(spectralGap(trace0, n, rank), 13);
    }
    expect(() => spectralGap(1, 4, 5)).toThrow('invalid rank: 5 of 4');
  });

  it.each(reference.gaussianGap)('has the mean square distance of Gaussian A0, n=$n r=$r', (sampled) => {
    const expected = gaussianGapSquared(-3, sampled.n, sampled.r) / 9;
    const errors = Math.abs(expected - sampled.mean) / sampled.standardError;
    expect(errors).toBeLessThan(3);
    const wrong = (sampled.n + sampled.r) / (sampled.n * sampled.r + 2) - 1 / sampled.n;
    expect(Math.abs(wrong - sampled.mean) / sampled.standardError).toBeGreaterThan(30);
  });
});
