/**
 * What is reported of states, in float64, where they are: the evaluation of kernels/cpu/structures/diagonal.ts in its
 * order of operations, so that both give the same bits. Lanes hold neighbouring columns, whose sums do not depend on
 * each other; nothing is fused.
 */

const VECTOR: usize = 16;
const SIZE: usize = 8;

/** The rank, the same made even by a column of zeros, and the bytes of a row of so many columns. */
let r: i32 = 0;
let columns: i32 = 0;
let row: usize = 0;

/**
 * Observes states of trajectories whose loss is f = 1/2 |X Y^T - diag(sigma)|^2.
 * @param states float32 or, if `wide`, float64 [trajectories, each, (n + m) rank]
 * @param reached int32 [trajectories]: of how many of `each` there is something to see; of others nothing is written
 * @param out float64 [trajectories, each], the losses; or if `all` [trajectories, each, 6]: the loss, the loss above the
 *   optimum, the squared norms of the descent of X and of Y, that of X^T X / weightX - Y^T Y / weightY, and
 *   |X Y^T - diag(sigma)|
 * @param sigma float64 [count]
 * @param tail the sum of the squares of sigma beyond the rank
 * @param room for a state in float64 with an even number of columns, and seven matrices of `rank` such rows
 */
export function observe(
  states: usize,
  wide: bool,
  trajectories: i32,
  each: i32,
  reached: usize,
  out: usize,
  all: bool,
  n: i32,
  m: i32,
  rank: i32,
  sigma: usize,
  count: i32,
  tail: f64,
  weightX: f64,
  weightY: f64,
  room: usize,
): void {
  r = rank;
  columns = r + (r & 1);
  row = SIZE * columns;
  const entry: usize = wide ? 8 : 4;
  const stateBytes = entry * (n + m) * r;
  const x = room;
  const y = x + row * n;
  const x1 = y + row * m;
  const x2 = x1 + row * r;
  const y1 = x2 + row * r;
  const y2 = y1 + row * r;
  const xx = y2 + row * r;
  const yy = xx + row * r;
  const turned = yy + row * r;
  const lead = min(r, count);
  for (let i = 0; i < trajectories; i++, reached += 4) {
    const seen = load<i32>(reached);
    for (let k = 0; k < each; k++, states += stateBytes, out += all ? 6 * SIZE : SIZE) {
      if (k >= seen) continue;
      widen(x, states, n, wide);
      widen(y, states + entry * n * r, m, wide);
      gram(x1, x, lead);
      gram(x2, x + row * lead, n - lead);
      gram(y1, y, lead);
      gram(y2, y + row * lead, m - lead);
      let square = leadingResidual(x, y, sigma, lead, turned);
      square += dot(x1, y2) + dot(x2, y1) + dot(x2, y2);
      const excess = max<f64>(0, square / 2 - overlapBeyond(x, y, sigma, lead, count));
      const loss = tail / 2 + excess;
      store<f64>(out, loss);
      if (!all) continue;
      add(xx, x1, x2);
      add(yy, y1, y2);
      store<f64>(out, excess, SIZE);
      store<f64>(out, descentSquare(x, y, n, yy, sigma, count), 2 * SIZE);
      store<f64>(out, descentSquare(y, x, m, xx, sigma, count), 3 * SIZE);
      store<f64>(out, imbalanceSquare(xx, yy, weightX, weightY), 4 * SIZE);
      store<f64>(out, sqrt(2 * loss), 5 * SIZE);
    }
  }
}

/** Row-major [rows, r] to float64 rows of an even number of columns. */
function widen(out: usize, from: usize, rows: i32, wide: bool): void {
  for (let i = 0; i < rows; i++, out += row) {
    let j = 0;
    if (wide) {
      for (; j + 2 <= r; j += 2, from += VECTOR) v128.store(out + SIZE * j, v128.load(from));
      if (j < r) {
        v128.store(out + SIZE * j, v128.load64_zero(from));
        from += SIZE;
      }
    } else {
      for (; j + 2 <= r; j += 2, from += 8)
        v128.store(out + SIZE * j, f64x2.promote_low_f32x4(v128.load64_zero(from)));
      if (j < r) {
        v128.store(out + SIZE * j, f64x2.promote_low_f32x4(v128.load32_zero(from)));
        from += 4;
      }
    }
  }
}

/** from + a b. */
function step(from: v128, a: v128, b: v128): v128 {
  return f64x2.add(from, f64x2.mul(a, b));
}

/** z^T z [r, r]: rows are added four at a time, and what is left of them one by one. */
function gram(out: usize, z: usize, rows: i32): void {
  const end = z + row * rows;
  const fours = z + row * (rows & ~3);
  for (let i = 0; i < r; i++) {
    const left = SIZE * i;
    let j = i & ~1;
    for (; j + 4 <= columns; j += 4) {
      const right = SIZE * j;
      let s0 = f64x2.splat(0);
      let s1 = s0;
      let at = z;
      while (at < fours) {
        let a = v128.load64_splat(at + left);
        let p0 = f64x2.mul(a, v128.load(at + right));
        let p1 = f64x2.mul(a, v128.load(at + right, 16));
        for (let k = 1; k < 4; k++) {
          at += row;
          a = v128.load64_splat(at + left);
          p0 = step(p0, a, v128.load(at + right));
          p1 = step(p1, a, v128.load(at + right, 16));
        }
        at += row;
        s0 = f64x2.add(s0, p0);
        s1 = f64x2.add(s1, p1);
      }
      for (; at < end; at += row) {
        const a = v128.load64_splat(at + left);
        s0 = step(s0, a, v128.load(at + right));
        s1 = step(s1, a, v128.load(at + right, 16));
      }
      v128.store(out + row * i + right, s0);
      v128.store(out + row * i + right, s1, 16);
    }
    if (j < columns) {
      const right = SIZE * j;
      let s = f64x2.splat(0);
      let at = z;
      while (at < fours) {
        let p = f64x2.mul(v128.load64_splat(at + left), v128.load(at + right));
        for (let k = 1; k < 4; k++) {
          at += row;
          p = step(p, v128.load64_splat(at + left), v128.load(at + right));
        }
        at += row;
        s = f64x2.add(s, p);
      }
      for (; at < end; at += row) s = step(s, v128.load64_splat(at + left), v128.load(at + right));
      v128.store(out + row * i + right, s);
    }
  }
  for (let i = 0; i < r; i++)
    for (let j = 0; j < i; j++) store<f64>(out + row * i + SIZE * j, load<f64>(out + row * j + SIZE * i));
}

/** The sum of a_ij b_ij of matrices [r, r], row by row. */
function dot(a: usize, b: usize): f64 {
  let sum: f64 = 0;
  for (let i = 0; i < r; i++, a += row, b += row)
    for (let j: usize = 0; j < SIZE * r; j += SIZE) sum += load<f64>(a + j) * load<f64>(b + j);
  return sum;
}

/** a + b of matrices [r, r]. */
function add(out: usize, a: usize, b: usize): void {
  for (const end = out + row * r; out < end; out += VECTOR, a += VECTOR, b += VECTOR)
    v128.store(out, f64x2.add(v128.load(a), v128.load(b)));
}

/** The sum of sigma_i x_ij y_ij over the rows beyond the leading ones, the smallest sigma first. */
function overlapBeyond(x: usize, y: usize, sigma: usize, lead: i32, count: i32): f64 {
  let sum: f64 = 0;
  for (let i = count - 1; i >= lead; i--) {
    const s = load<f64>(sigma + SIZE * i);
    const at = row * i;
    for (let j = at; j < at + SIZE * r; j += SIZE) sum += s * load<f64>(x + j) * load<f64>(y + j);
  }
  return sum;
}

/** |X Y^T - diag(sigma)|^2 of the leading rows of both factors. `turned` is room for those of Y as columns. */
function leadingResidual(x: usize, y: usize, sigma: usize, lead: i32, turned: usize): f64 {
  for (let j = 0; j < r; j++) {
    for (let k = 0; k < lead; k++) store<f64>(turned + row * j + SIZE * k, load<f64>(y + row * k + SIZE * j));
    if (lead & 1) store<f64>(turned + row * j + SIZE * lead, 0);
  }
  let square: f64 = 0;
  for (let i = 0; i < lead; i++) {
    const diagonal = -load<f64>(sigma + SIZE * i);
    for (let k = 0; k < lead; k += 2) {
      let entries = f64x2.splat(0);
      if (i == k) entries = f64x2.replace_lane(entries, 0, diagonal);
      else if (i == k + 1) entries = f64x2.replace_lane(entries, 1, diagonal);
      let a = x + row * i;
      let b = turned + SIZE * k;
      for (const end = a + SIZE * r; a < end; a += SIZE, b += row)
        entries = step(entries, v128.load64_splat(a), v128.load(b));
      const squares = f64x2.mul(entries, entries);
      square += f64x2.extract_lane(squares, 0);
      if (k + 1 < lead) square += f64x2.extract_lane(squares, 1);
    }
  }
  return square;
}

/** The squared norm of the descent of a factor: of sigma other - own (other^T other) by rows, with that Gram matrix. */
function descentSquare(own: usize, other: usize, rows: i32, g: usize, sigma: usize, count: i32): f64 {
  let sum: f64 = 0;
  for (let i = 0; i < rows; i++, own += row, other += row) {
    const s = i < count ? load<f64>(sigma + SIZE * i) : 0;
    for (let j = 0; j < columns; j += 2) {
      let entries = i < count ? f64x2.mul(f64x2.splat(s), v128.load(other + SIZE * j)) : f64x2.splat(0);
      let a = own;
      let b = g + SIZE * j;
      for (const end = a + SIZE * r; a < end; a += SIZE, b += row)
        entries = f64x2.sub(entries, f64x2.mul(v128.load64_splat(a), v128.load(b)));
      const squares = f64x2.mul(entries, entries);
      sum += f64x2.extract_lane(squares, 0);
      if (j + 1 < r) sum += f64x2.extract_lane(squares, 1);
    }
  }
  return sum;
}

function imbalanceSquare(xx: usize, yy: usize, weightX: f64, weightY: f64): f64 {
  let sum: f64 = 0;
  for (let i = 0; i < r; i++, xx += row, yy += row)
    for (let j: usize = 0; j < SIZE * r; j += SIZE) {
      const entry = load<f64>(xx + j) / weightX - load<f64>(yy + j) / weightY;
      sum += entry * entry;
    }
  return sum;
}
