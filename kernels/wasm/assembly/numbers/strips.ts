/**
 * Reflections and rotations of the rows of a matrix in strips of 8 columns, [strips, rows, 8] in float64: a strip stays
 * in the cache while all of them are applied to it.
 */

/** Bytes of 8 entries. */
const ROW: usize = 64;

/**
 * Applies H_k = I - tau_k v_k v_k^T from the left for k = first, first + step, ...
 * @param vectors v_k is row k of [.., pitch]; it is zero before entry k + offset
 * @param taus [..]
 */
export function reflect(
  strips: usize,
  count: i32,
  rows: i32,
  vectors: usize,
  pitch: i32,
  taus: usize,
  offset: i32,
  first: i32,
  step: i32,
  reflections: i32,
): void {
  for (let i = 0; i < count; i++)
    for (let k = first, left = reflections; left > 0; k += step, left--) {
      const tau = load<f64>(taus + 8 * k);
      if (tau == 0) continue;
      const from = k + offset;
      reflectStrip(
        strips + ROW * (i * rows + from),
        vectors + 8 * (<usize>k * pitch + from),
        tau,
        rows - from,
      );
    }
}

/** z = z - tau v (v^T z). */
function reflectStrip(z: usize, v: usize, tau: f64, rows: i32): void {
  let s0 = f64x2.splat(0);
  let s1 = s0;
  let s2 = s0;
  let s3 = s0;
  let t0 = s0;
  let t1 = s0;
  let t2 = s0;
  let t3 = s0;
  const end = z + ROW * rows;
  const last = end - 2 * ROW;
  let at = z;
  let w = v;
  for (; at <= last; at += 2 * ROW, w += 16) {
    let entry = v128.load64_splat(w);
    s0 = f64x2.add(s0, f64x2.mul(entry, v128.load(at)));
    s1 = f64x2.add(s1, f64x2.mul(entry, v128.load(at, 16)));
    s2 = f64x2.add(s2, f64x2.mul(entry, v128.load(at, 32)));
    s3 = f64x2.add(s3, f64x2.mul(entry, v128.load(at, 48)));
    entry = v128.load64_splat(w, 8);
    t0 = f64x2.add(t0, f64x2.mul(entry, v128.load(at, 64)));
    t1 = f64x2.add(t1, f64x2.mul(entry, v128.load(at, 80)));
    t2 = f64x2.add(t2, f64x2.mul(entry, v128.load(at, 96)));
    t3 = f64x2.add(t3, f64x2.mul(entry, v128.load(at, 112)));
  }
  if (at < end) {
    const entry = v128.load64_splat(w);
    s0 = f64x2.add(s0, f64x2.mul(entry, v128.load(at)));
    s1 = f64x2.add(s1, f64x2.mul(entry, v128.load(at, 16)));
    s2 = f64x2.add(s2, f64x2.mul(entry, v128.load(at, 32)));
    s3 = f64x2.add(s3, f64x2.mul(entry, v128.load(at, 48)));
  }
  const factor = f64x2.splat(tau);
  s0 = f64x2.mul(factor, f64x2.add(s0, t0));
  s1 = f64x2.mul(factor, f64x2.add(s1, t1));
  s2 = f64x2.mul(factor, f64x2.add(s2, t2));
  s3 = f64x2.mul(factor, f64x2.add(s3, t3));
  for (; z < end; z += ROW, v += 8) {
    const entry = v128.load64_splat(v);
    v128.store(z, f64x2.sub(v128.load(z), f64x2.mul(entry, s0)));
    v128.store(z, f64x2.sub(v128.load(z, 16), f64x2.mul(entry, s1)), 16);
    v128.store(z, f64x2.sub(v128.load(z, 32), f64x2.mul(entry, s2)), 32);
    v128.store(z, f64x2.sub(v128.load(z, 48), f64x2.mul(entry, s3)), 48);
  }
}

/**
 * Applies chains of rotations, one after another. A rotation takes row i and its neighbour i + step to
 * c row_i + s row_(i + step) and c row_(i + step) - s row_i; a chain goes on from there with the neighbour.
 * @param chains int32 [chainCount, 3]: the first row, the step (1 or -1), how many rotations
 * @param rotations [.., 2]: c and s of all of them in a row
 */
export function rotate(
  strips: usize,
  count: i32,
  rows: i32,
  chains: usize,
  chainCount: i32,
  rotations: usize,
): void {
  for (let i = 0; i < count; i++) {
    let pair = rotations;
    for (let chain = chains, end = chains + 12 * chainCount; chain < end; chain += 12) {
      const length = load<i32>(chain, 8);
      const strip = strips + ROW * <usize>(i * rows + load<i32>(chain));
      rotateStrip(strip, <isize>ROW * load<i32>(chain, 4), pair, length);
      pair += 16 * length;
    }
  }
}

function rotateStrip(row: usize, step: isize, pair: usize, length: i32): void {
  let z0 = v128.load(row);
  let z1 = v128.load(row, 16);
  let z2 = v128.load(row, 32);
  let z3 = v128.load(row, 48);
  for (const end = pair + 16 * length; pair < end; pair += 16) {
    const c = v128.load64_splat(pair);
    const s = v128.load64_splat(pair, 8);
    const next = row + step;
    const n0 = v128.load(next);
    const n1 = v128.load(next, 16);
    const n2 = v128.load(next, 32);
    const n3 = v128.load(next, 48);
    v128.store(row, f64x2.add(f64x2.mul(c, z0), f64x2.mul(s, n0)));
    v128.store(row, f64x2.add(f64x2.mul(c, z1), f64x2.mul(s, n1)), 16);
    v128.store(row, f64x2.add(f64x2.mul(c, z2), f64x2.mul(s, n2)), 32);
    v128.store(row, f64x2.add(f64x2.mul(c, z3), f64x2.mul(s, n3)), 48);
    z0 = f64x2.sub(f64x2.mul(c, n0), f64x2.mul(s, z0));
    z1 = f64x2.sub(f64x2.mul(c, n1), f64x2.mul(s, z1));
    z2 = f64x2.sub(f64x2.mul(c, n2), f64x2.mul(s, z2));
    z3 = f64x2.sub(f64x2.mul(c, n3), f64x2.mul(s, z3));
    row = next;
  }
  v128.store(row, z0);
  v128.store(row, z1, 16);
  v128.store(row, z2, 32);
  v128.store(row, z3, 48);
}
