/**
 * A block of columns made orthonormal, and orthogonal to a basis, to rounding: also where the block is nearly in its
 * span.
 */
import { difference, sum, type Dense } from './dense.js';
import { multiply, multiplyTransposedLeft } from './products.js';
import { qr } from './qr.js';

/** X = B onto + Q R. */
export interface Orthonormalized {
  readonly q: Dense;
  readonly onto: Dense;
  readonly r: Dense;
}

/** Largest inner product with the basis that is let pass. */
const ORTHOGONAL = 1e-14;
/** After this many, a column is taken to be in the span of B. */
const PASSES = 4;

/**
 * Splits X [n, b] along an orthonormal basis B [n, d], d + b <= n. Where X leaves nothing beyond B, columns of Q are
 * what rounding leaves, or, if even that is within B, those of `random(trial)`, trial = 1, 2, ...
 */
export function orthonormalizedAgainst(
  b: Dense,
  x: Dense,
  random: (trial: number) => Dense,
): Orthonormalized {
  let onto = multiplyTransposedLeft(b, x);
  let { q, r } = qr(difference(x, multiply(b, onto)));
  for (let pass = 1; ; pass++) {
    const overlap = multiplyTransposedLeft(b, q);
    const again = qr(difference(q, multiply(b, overlap)));
    onto = sum(onto, multiply(overlap, r));
    [q, r] = [again.q, multiply(again.r, r)];
    const inside = columnsOver(overlap, ORTHOGONAL);
    if (inside.length === 0) return { q, onto, r };
    if (pass % PASSES === 0) replace(q, r, inside, random(pass / PASSES));
  }
}

function columnsOver({ cols, data }: Dense, limit: number): number[] {
  const columns = new Set<number>();
  data.forEach((value, at) => {
    if (Math.abs(value) > limit) columns.add(at % cols);
  });
  return [...columns];
}

/** Puts random columns in Q, in place, where R has nothing but rounding. */
function replace(q: Dense, r: Dense, which: readonly number[], { data }: Dense): void {
  for (const j of which) {
    for (let at = j; at < data.length; at += q.cols) q.data[at] = data[at]!;
    r.data.fill(0, j * r.cols, (j + 1) * r.cols);
  }
}
