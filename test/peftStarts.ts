/** What make_peft_starts.py writes, and adapters compared with it up to signs. */
import type { Adapter } from '../src/ensemble/adapter.js';
import { descentOf } from '../src/ensemble/computedStart.js';
import { dense } from '../src/numbers/dense.js';
import { relativeError } from './support.js';

export interface PeftStart {
  readonly a: readonly number[];
  readonly b: readonly number[];
  readonly frozen: readonly number[];
  readonly trainsB: boolean;
}

export interface PeftCase {
  readonly n: number;
  readonly m: number;
  readonly rank: number;
  readonly scale: number;
  readonly base: readonly number[];
  readonly gradient: readonly number[];
  readonly covariance?: readonly number[];
  readonly starts: Readonly<Record<string, PeftStart>>;
}

export const matricesOf = ({ n, m, base, gradient, covariance }: PeftCase) => ({
  ...{ n, m },
  base: dense(n, m, Float64Array.from(base)),
  descent: descentOf(dense(n, m, Float64Array.from(gradient))),
  covariance: covariance ? dense(m, m, Float64Array.from(covariance)) : null,
});

/** Largest relative difference of rows of A, columns of B and W0 - s B A from PEFT's, each up to its sign. */
export function compared(
  { loraA, loraB }: Adapter,
  { a, b, frozen }: PeftStart,
  { n, m, rank, scale, base }: PeftCase,
): number {
  const row = (data: ArrayLike<number>, i: number) => Array.from({ length: m }, (_, j) => data[i * m + j]!);
  const column = (data: ArrayLike<number>, j: number) =>
    Array.from({ length: n }, (_, i) => data[i * rank + j]!);
  const upToSign = (own: number[], theirs: number[]) =>
    theirs.every((value) => value === 0)
      ? Math.max(...own.map(Math.abs))
      : Math.min(
          relativeError(own, theirs),
          relativeError(
            own,
            theirs.map((value) => -value),
          ),
        );
  const indices = Array.from({ length: rank }, (_, i) => i);
  // What PEFT freezes is W0, or W0 - s B A of its own signs.
  const offset = (i: number, j: number) =>
    scale * indices.reduce((sum, k) => sum + b[i * rank + k]! * a[k * m + j]!, 0);
  const isMoved = relativeError(frozen, base) > 1e-3;
  const expected = base.map((value, at) => (isMoved ? value - offset(Math.floor(at / m), at % m) : value));
  return Math.max(
    ...indices.map((i) => upToSign(row(loraA.data, i), row(a, i))),
    ...indices.map((j) => upToSign(column(loraB.data, j), column(b, j))),
    relativeError(frozen, expected),
  );
}
