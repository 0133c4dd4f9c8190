/** Errors of states, and of the updates that they stand for. */
import type { Factors } from '../src/ensemble/adapter.js';

type Numbers = readonly ArrayLike<number>[];

/** |a - b| / |b| over all components. */
export function relativeError(a: Numbers, b: Numbers): number {
  let [difference, size] = [0, 0];
  b.forEach((component, c) => {
    for (let i = 0; i < component.length; i++) {
      difference += (a[c]![i]! - component[i]!) ** 2;
      size += component[i]! ** 2;
    }
  });
  return Math.sqrt(difference / size);
}

/** X Y^T [n m], row-major: formed, since differences of Gram matrices would lose half of the digits. */
export function updateOf({ x, y }: Factors): Float64Array {
  const out = new Float64Array(x.rows * y.rows);
  for (let i = 0; i < x.rows; i++)
    for (let j = 0; j < y.rows; j++) {
      let sum = 0;
      for (let k = 0; k < x.cols; k++) sum += x.data[i * x.cols + k]! * y.data[j * y.cols + k]!;
      out[i * y.rows + j] = sum;
    }
  return out;
}
