/**
 * Solutions of dB/dt = -kB s G A^T, dA/dt = -kA s B^T G in (A, B) with the plain dense gradient, by SciPy's DOP853 at
 * rtol 1e-13 (reference/make_theory.py), and what compares closed forms with them.
 */
import { readFileSync } from 'node:fs';
import { Matrix } from 'ml-matrix';
import { dense } from '../../src/numbers/dense.js';
import { toMatrix } from '../support.js';

/** rtol 1e-13 at every step leaves the reference about 1e-12 in global error; this is ten times that. */
export const tolerance = 1e-11;

/** Between 1e-7 and 1e-9 of the start, the next exponential leaves up to 1e-4, the reference's own error 1e-5. */
export const rateTolerance = 2e-4;

export interface Late {
  times: [number, number];
  values: [number, number];
}

export interface Flow {
  name: string;
  s: number;
  kA: number;
  kB: number;
  b0: RawDense;
  a0: RawDense;
  times: number[];
  updates: RawDense[];
  losses: number[];
}

export interface Framed extends Flow {
  u: RawDense;
  v: RawDense;
  e: RawDense;
  sigma: number[];
}

export interface RawDense {
  rows: number;
  cols: number;
  data: number[];
}

export interface Reference {
  trace: (Flow & { w0: RawDense; late?: Late })[];
  traceFull: { w0: RawDense; times: number[]; updates: RawDense[] };
  aligned: (Framed & { modes: number[]; a: number[]; b: number[]; late: Late[] })[];
  balanced: (Framed & { lambda: number; late: Late })[];
  regression: (Flow & {
    e: RawDense;
    h: RawDense;
    sigma: number[];
    optimum: { loss: number; update: RawDense };
    full: { times: number[]; updates: RawDense[]; losses: number[] };
  })[];
  truncation: { sigma: number[]; losses: number[]; relativeErrors: number[] }[];
  gaussianGap: { n: number; r: number; mean: number; standardError: number }[];
}

export const reference = JSON.parse(
  readFileSync(new URL('../reference/theory.json', import.meta.url), 'utf8'),
) as Reference;

export const read = ({ rows, cols, data }: RawDense) => dense(rows, cols, Float64Array.from(data));

export const matrix = (raw: RawDense) => toMatrix(read(raw));

export const coupling = ({ s, kA, kB }: Flow) => s * Math.sqrt(kA * kB);

/** X0 = B0 / sqrt(kB), Y0 = A0^T / sqrt(kA). */
export const scaled = ({ kA, kB, b0, a0 }: Flow) => ({
  x: matrix(b0).div(Math.sqrt(kB)),
  y: matrix(a0).transpose().div(Math.sqrt(kA)),
});

/** |a - b|_F / max(|b|_F, floor). */
export function gap(a: Matrix, b: Matrix, floor = 1e-3): number {
  return Matrix.sub(a, b).norm() / Math.max(b.norm(), floor);
}

export function measuredRate({ times, values }: Late): number {
  return Math.log(values[0] / values[1]) / (times[1] - times[0]);
}

/** Greatest gap over the reference's times. */
export function worstGap(
  { times, updates }: Pick<Flow, 'times' | 'updates'>,
  at: (t: number) => Matrix,
): number {
  return Math.max(...times.map((t, i) => gap(at(t), matrix(updates[i] as RawDense))));
}
