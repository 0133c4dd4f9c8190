/**
 * Writes the two passes over a matrix, row by row, that a column and a row of its bidiagonal form take. Each takes a
 * multiple of a row vector off every row, and then either gathers a sum of the rows or multiplies them by a vector: one
 * loop, four rows at a time. All numbers are float64; rows are `pitch` entries apart.
 */
import { lines, range } from './text.js';

/** The names of a pass and of its vectors: multiples of `row` by `factors`, then `down` the rows and `across` them. */
interface Pass {
  readonly name: string;
  readonly gathers: boolean;
  readonly factors: string;
  readonly row: string;
  readonly down: string;
  readonly across: string;
  /** The vectors in the order of the arguments. */
  readonly order: readonly string[];
}

const gather: Pass = {
  name: 'Gather',
  gathers: true,
  ...{ factors: 'x', row: 'v', down: 'u', across: 'y' },
  order: ['x', 'v', 'u', 'y'],
};

const multiply: Pass = {
  name: 'Multiply',
  gathers: false,
  ...{ factors: 'u', row: 'y', down: 'x', across: 'v' },
  order: ['u', 'y', 'v', 'x'],
};

export const rowsText = (): string => `
/** A_i -= x_i v for every row i; adds u_i A_i to y. Rows, v and y have cols entries. */
${passText(gather)}
/** A_i -= u_i y for every row i; x_i = A_i v. Rows, y and v have cols entries. */
${passText(multiply)}`;

const ROWS = range(0, 4);
/** Addresses of four rows. */
const at = ['a', 'b', 'c', 'd'];

function passText(pass: Pass): string {
  const { name, gathers, factors, row, down, across, order } = pass;
  const vectors = order.map((vector) => `${vector}: usize`).join(', ');
  return `export function updateAnd${name}(a: usize, rows: i32, cols: i32, pitch: i32, ${vectors}): void {
  const next = 8 * <usize>pitch;
  for (; rows >= 4; rows -= 4, a += 4 * next, x += 32, u += 32) four${name}(a, next, cols, ${order.join(', ')});
  for (; rows > 0; rows--, a += next, x += 8, u += 8) {
    const factor = load<f64>(${factors});
    ${gathers ? `const weight = load<f64>(${down});` : 'let sum: f64 = 0;'}
    for (let j: usize = 0; j < 8 * <usize>cols; j += 8) {
      const entry = load<f64>(a + j) - factor * load<f64>(${row} + j);
      store<f64>(a + j, entry);
      ${gathers ? `store<f64>(${across} + j, load<f64>(${across} + j) + weight * entry);` : `sum += entry * load<f64>(${across} + j);`}
    }
    ${gathers ? '' : `store<f64>(${down}, sum);`}
  }
}

function four${name}(a: usize, next: usize, cols: i32, ${vectors}): void {
${lines(ROWS, (i) => `const factor${i} = v128.load64_splat(${factors}, ${8 * i});`)}
${lines(ROWS, (i) =>
  gathers ? `const weight${i} = v128.load64_splat(${down}, ${8 * i});` : `let sum${i} = f64x2.splat(0);`,
)}
let b = a + next;
let c = b + next;
let d = c + next;
const end = a + 8 * cols;
for (; a + 8 < end; a += 16, b += 16, c += 16, d += 16, v += 16, y += 16) {
const along = v128.load(${row});
${gathers ? '' : `const other = v128.load(${across});`}
${lines(
  ROWS,
  (i) => `const row${i} = f64x2.sub(v128.load(${at[i]}), f64x2.mul(factor${i}, along));
v128.store(${at[i]}, row${i});
${gathers ? '' : `sum${i} = f64x2.add(sum${i}, f64x2.mul(row${i}, other));`}`,
)}
${
  gathers
    ? `const left = f64x2.add(f64x2.mul(weight0, row0), f64x2.mul(weight1, row1));
const right = f64x2.add(f64x2.mul(weight2, row2), f64x2.mul(weight3, row3));
v128.store(${across}, f64x2.add(v128.load(${across}), f64x2.add(left, right)));`
    : ''
}
}
${gathers ? '' : lines(ROWS, (i) => `let total${i} = f64x2.extract_lane(sum${i}, 0) + f64x2.extract_lane(sum${i}, 1);`)}
if (a < end) {
const along = load<f64>(${row});
${gathers ? '' : `const other = load<f64>(${across});`}
${lines(
  ROWS,
  (i) => `const row${i} = load<f64>(${at[i]}) - load<f64>(${factors}, ${8 * i}) * along;
store<f64>(${at[i]}, row${i});
${gathers ? '' : `total${i} += row${i} * other;`}`,
)}
${
  gathers
    ? `const left = load<f64>(${down}) * row0 + load<f64>(${down}, 8) * row1;
const right = load<f64>(${down}, 16) * row2 + load<f64>(${down}, 24) * row3;
store<f64>(${across}, load<f64>(${across}) + (left + right));`
    : ''
}
}
${gathers ? '' : lines(ROWS, (i) => `store<f64>(${down}, total${i}, ${8 * i});`)}
}
`;
}
