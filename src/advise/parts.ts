/** The parts of advice (results/parts.ts): of each weight a row for each singular value that is known, or one of none. */
import { dense, transposed, type Dense } from '../numbers/dense.js';
import type { Triples } from '../numbers/triples.js';
import { readPart, type Part } from '../results/parts.js';
import type { Columns, ColumnTypes, Value } from '../results/tables.js';
import type { Leading } from './change.js';
import { worthOf, type Decomposed } from './decompose.js';

export const weightTypes: ColumnTypes = {
  integers: ['index', 'converged'],
  texts: ['weight'],
  bytes: ['left', 'right'],
};

/**
 * Columns of the part of a weight; null stands for one that did not change.
 * @param vectors whether its singular vectors are kept too, as little-endian float64, of directions that may get rank
 */
export function weightColumns(
  weight: string,
  found: (Decomposed & Leading) | null,
  vectors: boolean,
): Columns {
  const none = [null];
  if (found === null) return { weight: [weight], index: none, sigma: none, left: none, right: none };
  const { sigma, rounding, left, right } = found;
  const each = (value: Value) => Array.from(sigma, () => value);
  const bytes = (of: Dense) => {
    const { rows, cols, data } = transposed(of);
    const all = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    const worth = worthOf(found);
    return Array.from({ length: rows }, (_, k) =>
      k < worth ? all.subarray(8 * k * cols, 8 * (k + 1) * cols) : null,
    );
  };
  // After the direction of the row; before the first both are the weighted squares.
  const beyond = (name: 'truncated' | 'least') =>
    found.weighted ? [...found.weighted[name].subarray(1)] : each(null);
  return {
    weight: each(weight),
    index: Array.from(sigma, (_, k) => k),
    sigma: [...sigma],
    squares: each(found.squares),
    base_squares: each(found.baseSquares),
    tail_squared: each(found.tailSquared),
    converged: each(Number(found.converged)),
    equal_share: each(rounding && rounding.equalShare),
    rounding_rms: each(rounding && rounding.rms),
    rounding_edge: each(rounding && rounding.edge),
    weighted_squares: each(found.weighted && found.weighted.truncated[0]!),
    ...{ weighted_truncated: beyond('truncated'), weighted_least: beyond('least') },
    left: vectors ? bytes(left) : each(null),
    right: vectors ? bytes(right) : each(null),
  };
}

/** What a part holds of its weight, without singular vectors; null if it did not change. */
export async function readWeight(part: Part): Promise<Decomposed | null> {
  const [sigma = []] = await readPart(part, ['sigma']);
  if (sigma[0] === null) return null;
  const names = ['squares', 'base_squares', 'tail_squared', 'converged'];
  const roundings = ['equal_share', 'rounding_rms', 'rounding_edge'];
  const weightings = ['weighted_truncated', 'weighted_least', 'weighted_squares'];
  const columns = await readPart<number | null>(part, [...weightings, ...names, ...roundings]);
  const [truncated, least, ...others] = columns as [number[], number[], ...(number | null)[][]];
  const [whole, squares, baseSquares, tailSquared, converged, equalShare, rms, edge] = others.map(
    ([first = null]) => first,
  );
  const all = (rest: readonly number[]) => Float64Array.from([whole!, ...rest]);
  return {
    weighted: whole === null ? null : { truncated: all(truncated), least: all(least) },
    sigma: Float64Array.from(sigma as number[]),
    ...{ squares: squares!, baseSquares: baseSquares!, tailSquared: tailSquared! },
    converged: converged === 1,
    rounding: edge === null ? null : { equalShare: equalShare!, rms: rms!, edge: edge! },
  };
}

/** The singular triples that a part keeps; null if it keeps none. */
export async function readTriples(part: Part): Promise<Triples | null> {
  const columns = await readPart<Uint8Array | number | null>(part, ['left', 'right', 'sigma']);
  const [left, right, sigma] = columns as [(Uint8Array | null)[], (Uint8Array | null)[], number[]];
  const matrix = (vectors: readonly (Uint8Array | null)[]) => {
    const known = vectors.filter((vector) => vector !== null);
    const cols = (known[0]?.length ?? 0) / 8;
    const data = new Float64Array(known.length * cols);
    known.forEach((vector, k) => new Uint8Array(data.buffer).set(vector, 8 * k * cols));
    return transposed(dense(known.length, cols, data));
  };
  const both = { left: matrix(left), right: matrix(right) };
  return both.left.cols === 0 ? null : { ...both, sigma: Float64Array.from(sigma.slice(0, both.left.cols)) };
}
