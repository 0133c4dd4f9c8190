/**
 * The two passes over a matrix, row by row, that a column and a row of its bidiagonal form take. All numbers are
 * float64; rows are `pitch` entries apart.
 */

/** A_i -= x_i v for every row i; adds u_i A_i to y. Rows, v and y have `cols` entries. */
export function updateAndGather(
  a: usize,
  rows: i32,
  cols: i32,
  pitch: i32,
  x: usize,
  v: usize,
  u: usize,
  y: usize,
): void {
  const next = 8 * <usize>pitch;
  for (; rows >= 4; rows -= 4, a += 4 * next, x += 32, u += 32) gatherFour(a, next, cols, x, v, u, y);
  for (; rows > 0; rows--, a += next, x += 8, u += 8) {
    const xi = load<f64>(x);
    const ui = load<f64>(u);
    for (let j: usize = 0; j < 8 * <usize>cols; j += 8) {
      const entry = load<f64>(a + j) - xi * load<f64>(v + j);
      store<f64>(a + j, entry);
      store<f64>(y + j, load<f64>(y + j) + ui * entry);
    }
  }
}

function gatherFour(a: usize, next: usize, cols: i32, x: usize, v: usize, u: usize, y: usize): void {
  const x0 = v128.load64_splat(x);
  const x1 = v128.load64_splat(x, 8);
  const x2 = v128.load64_splat(x, 16);
  const x3 = v128.load64_splat(x, 24);
  const u0 = v128.load64_splat(u);
  const u1 = v128.load64_splat(u, 8);
  const u2 = v128.load64_splat(u, 16);
  const u3 = v128.load64_splat(u, 24);
  let b = a + next;
  let c = b + next;
  let d = c + next;
  const end = a + 8 * cols;
  for (; a + 8 < end; a += 16, b += 16, c += 16, d += 16, v += 16, y += 16) {
    const vj = v128.load(v);
    const a0 = f64x2.sub(v128.load(a), f64x2.mul(x0, vj));
    v128.store(a, a0);
    const a1 = f64x2.sub(v128.load(b), f64x2.mul(x1, vj));
    v128.store(b, a1);
    const a2 = f64x2.sub(v128.load(c), f64x2.mul(x2, vj));
    v128.store(c, a2);
    const a3 = f64x2.sub(v128.load(d), f64x2.mul(x3, vj));
    v128.store(d, a3);
    const left = f64x2.add(f64x2.mul(u0, a0), f64x2.mul(u1, a1));
    const right = f64x2.add(f64x2.mul(u2, a2), f64x2.mul(u3, a3));
    v128.store(y, f64x2.add(v128.load(y), f64x2.add(left, right)));
  }
  if (a < end) {
    const vj = load<f64>(v);
    const a0 = load<f64>(a) - load<f64>(x) * vj;
    store<f64>(a, a0);
    const a1 = load<f64>(b) - load<f64>(x, 8) * vj;
    store<f64>(b, a1);
    const a2 = load<f64>(c) - load<f64>(x, 16) * vj;
    store<f64>(c, a2);
    const a3 = load<f64>(d) - load<f64>(x, 24) * vj;
    store<f64>(d, a3);
    const left = load<f64>(u) * a0 + load<f64>(u, 8) * a1;
    store<f64>(y, load<f64>(y) + (left + (load<f64>(u, 16) * a2 + load<f64>(u, 24) * a3)));
  }
}

/** A_i -= u_i y for every row i; x_i = A_i v. Rows, y and v have `cols` entries. */
export function updateAndMultiply(
  a: usize,
  rows: i32,
  cols: i32,
  pitch: i32,
  u: usize,
  y: usize,
  v: usize,
  x: usize,
): void {
  const next = 8 * <usize>pitch;
  for (; rows >= 4; rows -= 4, a += 4 * next, x += 32, u += 32) multiplyFour(a, next, cols, u, y, v, x);
  for (; rows > 0; rows--, a += next, x += 8, u += 8) {
    const ui = load<f64>(u);
    let sum: f64 = 0;
    for (let j: usize = 0; j < 8 * <usize>cols; j += 8) {
      const entry = load<f64>(a + j) - ui * load<f64>(y + j);
      store<f64>(a + j, entry);
      sum += entry * load<f64>(v + j);
    }
    store<f64>(x, sum);
  }
}

function multiplyFour(a: usize, next: usize, cols: i32, u: usize, y: usize, v: usize, x: usize): void {
  const u0 = v128.load64_splat(u);
  const u1 = v128.load64_splat(u, 8);
  const u2 = v128.load64_splat(u, 16);
  const u3 = v128.load64_splat(u, 24);
  let s0 = f64x2.splat(0);
  let s1 = s0;
  let s2 = s0;
  let s3 = s0;
  let b = a + next;
  let c = b + next;
  let d = c + next;
  const end = a + 8 * cols;
  for (; a + 8 < end; a += 16, b += 16, c += 16, d += 16, v += 16, y += 16) {
    const vj = v128.load(v);
    const yj = v128.load(y);
    const a0 = f64x2.sub(v128.load(a), f64x2.mul(u0, yj));
    v128.store(a, a0);
    s0 = f64x2.add(s0, f64x2.mul(a0, vj));
    const a1 = f64x2.sub(v128.load(b), f64x2.mul(u1, yj));
    v128.store(b, a1);
    s1 = f64x2.add(s1, f64x2.mul(a1, vj));
    const a2 = f64x2.sub(v128.load(c), f64x2.mul(u2, yj));
    v128.store(c, a2);
    s2 = f64x2.add(s2, f64x2.mul(a2, vj));
    const a3 = f64x2.sub(v128.load(d), f64x2.mul(u3, yj));
    v128.store(d, a3);
    s3 = f64x2.add(s3, f64x2.mul(a3, vj));
  }
  let x0 = f64x2.extract_lane(s0, 0) + f64x2.extract_lane(s0, 1);
  let x1 = f64x2.extract_lane(s1, 0) + f64x2.extract_lane(s1, 1);
  let x2 = f64x2.extract_lane(s2, 0) + f64x2.extract_lane(s2, 1);
  let x3 = f64x2.extract_lane(s3, 0) + f64x2.extract_lane(s3, 1);
  if (a < end) {
    const vj = load<f64>(v);
    const yj = load<f64>(y);
    const a0 = load<f64>(a) - load<f64>(u) * yj;
    store<f64>(a, a0);
    x0 += a0 * vj;
    const a1 = load<f64>(b) - load<f64>(u, 8) * yj;
    store<f64>(b, a1);
    x1 += a1 * vj;
    const a2 = load<f64>(c) - load<f64>(u, 16) * yj;
    store<f64>(c, a2);
    x2 += a2 * vj;
    const a3 = load<f64>(d) - load<f64>(u, 24) * yj;
    store<f64>(d, a3);
    x3 += a3 * vj;
  }
  store<f64>(x, x0);
  store<f64>(x, x1, 8);
  store<f64>(x, x2, 16);
  store<f64>(x, x3, 24);
}
