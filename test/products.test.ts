/** Products of matrices against sums written out, at sizes on all sides of the tiles and blocks. */
import { describe, expect, it } from 'vitest';
import { dense, transposed, type Dense } from '../src/numbers/dense.js';
import { multiply, multiplyTransposedLeft, multiplyTransposedRight } from '../src/numbers/products.js';
import { gaussian } from './support.js';

/** A B, and the same of absolute values, which bounds what rounding may do to it. */
function written(a: Dense, b: Dense) {
  const [sums, sizes] = [dense(a.rows, b.cols), dense(a.rows, b.cols)];
  for (let i = 0; i < a.rows; i++)
    for (let j = 0; j < b.cols; j++)
      for (let k = 0; k < a.cols; k++) {
        const term = a.data[i * a.cols + k]! * b.data[k * b.cols + j]!;
        sums.data[i * b.cols + j]! += term;
        sizes.data[i * b.cols + j]! += Math.abs(term);
      }
  return { sums, sizes };
}

describe('products', () => {
  it.each([
    [1, 1, 1],
    [2, 3, 5],
    [4, 4, 4],
    [5, 1, 6],
    [1, 700, 1],
    [7, 300, 9],
    [257, 513, 3],
    [300, 257, 260],
  ])('of [%d, %d] with %d columns are those of every form', (n, k, m) => {
    const [a, b] = [gaussian(n, k, 1), gaussian(k, m, 2)];
    const { sums, sizes } = written(a, b);
    for (const found of [
      multiply(a, b),
      multiplyTransposedLeft(transposed(a), b),
      multiplyTransposedRight(a, transposed(b)),
    ]) {
      expect([found.rows, found.cols]).toEqual([n, m]);
      // Each sum of k terms is off by at most k roundings, either way.
      found.data.forEach((value, at) => {
        if (!(Math.abs(value - sums.data[at]!) <= 2 * k * 2 ** -53 * sizes.data[at]!))
          throw new Error(`entry ${at} is ${value}, not ${sums.data[at]}`);
      });
    }
  });

  it('carry what is not a number, and only where it belongs', () => {
    const a = dense(3, 3, Float64Array.of(1, 2, 3, NaN, 1, 1, Infinity, 0, 0));
    const product = multiply(a, dense(3, 1, Float64Array.of(1, 1, 1)));
    expect([...product.data]).toEqual([6, NaN, Infinity]);
  });

  it('refuse shapes that do not fit', () => {
    expect(() => multiply(dense(2, 3), dense(2, 3))).toThrow('no product of vectors of 3 with vectors of 2');
  });
});
