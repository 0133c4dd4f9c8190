// The machine that schemes are written for (schemes.h): slots, which are states in vectors, and a few things done with
// them, of which `evaluate` makes a slope and what comes of it in one pass.
#pragma once
#include "products.h"
#include <initializer_list>

namespace {

/** Slots by name. Schemes use either the directions or the inner slopes, which begin at the same place. */
enum { NONE = -1, STATE, NEXT, OTHER, SLOPE, NEXT_SLOPE, ERROR, DIRECTION, NEXT_DIRECTION, INNER = DIRECTION, SLOTS = INNER + MOST_TERMS };

/** A linear combination of slots, but for those of weight zero. */
struct Terms {
  int count = 0;
  int slot[MOST_TERMS];
  double c[MOST_TERMS];
  void add(double coefficient, int z) {
    if (coefficient == 0) return;
    slot[count] = z;
    c[count++] = coefficient;
  }
};

/** Squared norms of what `evaluate` made, over the parts that it made. */
struct Squares {
  double slope, out;
};

/** Squares below this are of numbers some of whose own squares are too small to be held, and are scaled then. */
constexpr double smallSquare(float) { return 0x1p-90; }
constexpr double smallSquare(double) { return 0x1p-900; }
constexpr double largeScale(float) { return 0x1p100; }
constexpr double largeScale(double) { return 0x1p600; }

/** Bytes of rows of a factor that are worked on together: of either factor they fit the first cache. */
constexpr int CHUNK_BYTES = 8192;

template <class L_> struct Machine {
  using L = L_;
  using V = typename L::V;
  using Real = typename L::Real;
  const Parameters &p;
  const char *const heap;
  const int columns = p.columns;
  /** Vectors of X, of Y and of a state. */
  const ptrdiff_t xVectors = (ptrdiff_t)p.xBlocks * p.columns, yVectors = (ptrdiff_t)p.yBlocks * p.columns;
  const ptrdiff_t vectors = xVectors + yVectors;
  /** Where the part that moves begins, and its vectors. */
  const ptrdiff_t movingAt = p.moving & PART_X ? 0 : xVectors;
  const ptrdiff_t movingVectors = (p.moving & PART_Y ? vectors : xVectors) - movingAt;
  V *slots[SLOTS];

  Machine(const Parameters &parameters, const char *memory) : p(parameters), heap(memory) { chooseCode(); }

  /** Bytes of room that it needs, and where. */
  size_t roomBytes() const { return 64 + slotCount() * strideBytes() + lines(lotBytes()) + 2 * gramBytes() + lines(scaleBytes()); }
  void useRoom(char *room) {
    char *at = (char *)(((uintptr_t)room + 63) & ~(uintptr_t)63);
    for (int i = 0; i < slotCount(); i++, at += strideBytes()) slots[i] = (V *)at;
    lot = (V *)at, at += lines(lotBytes());
    gramX = (Real *)at, gramY = (Real *)(at + gramBytes()), at += 2 * gramBytes();
    ramp = (V *)at;
  }

  /** A tensor's or a table's place in the memory. */
  template <class T> const T *in(uint32_t address) const { return (const T *)(heap + address); }

  /**
   * Makes the slopes at slot `at` of the factors that move and are among `parts`, and of them what is asked for: the
   * slopes in slot `slope`; and in slot `out`, which is another than `at`, own times the slopes and the sum of terms.
   */
  Squares evaluate(int at, int parts, int slope, int out, double own, const Terms &terms, bool sizesSlope, bool sizesOut) {
    parts &= p.moving;
    Slope<L> fX, fY;
    prepare(slots[at], parts, fX, fY);
    Made<L> made;
    made.slope = slope == NONE ? nullptr : slots[slope];
    made.out = out == NONE ? nullptr : slots[out];
    made.own = (Real)own;
    made.sizesSlope = sizesSlope, made.sizesOut = sizesOut;
    made.terms = terms.count;
    for (int k = 0; k < terms.count; k++) made.z[k] = slots[terms.slot[k]], made.c[k] = (Real)terms.c[k];
    made.slopeSquares = made.outSquares = L::zeros();
    const int fits = (int)(CHUNK_BYTES / (columns * sizeof(V))) & ~1, chunk = fits < 2 ? 2 : fits;
    const int blocks = p.xBlocks > p.yBlocks ? p.xBlocks : p.yBlocks;
    for (int b = 0; b < blocks; b += chunk) {
      if (parts & PART_X) rows(fX, b, b + chunk, 0, made);
      if (parts & PART_Y) rows(fY, b, b + chunk, xVectors, made);
    }
    return {sizesSlope ? (double)sumOf<L>(made.slopeSquares) : 0, sizesOut ? (double)sumOf<L>(made.outSquares) : 0};
  }

  /** Makes the sum of terms, at least one, of the part that moves. */
  void combine(int out, const Terms &terms) {
    V *to = slots[out] + movingAt;
    const V *a = slots[terms.slot[0]] + movingAt;
    const V c = L::splat((Real)terms.c[0]);
    if (terms.count == 1) {
      for (ptrdiff_t i = 0; i < movingVectors; i++) to[i] = c * a[i];
      return;
    }
    const V *b = slots[terms.slot[1]] + movingAt;
    const V d = L::splat((Real)terms.c[1]);
    if (terms.count == 2) {
      for (ptrdiff_t i = 0; i < movingVectors; i++) to[i] = madd(d, b[i], c * a[i]);
      return;
    }
    const V *z[MOST_TERMS];
    V w[MOST_TERMS];
    for (int k = 2; k < terms.count; k++) z[k] = slots[terms.slot[k]] + movingAt, w[k] = L::splat((Real)terms.c[k]);
    for (ptrdiff_t i = 0; i < movingVectors; i++) {
      V sum = madd(d, b[i], c * a[i]);
      for (int k = 2; k < terms.count; k++) sum = madd(w[k], z[k][i], sum);
      to[i] = sum;
    }
  }

  /** |z| of the whole state, or of what moves; 0 only where all of it is. `square`: its square, if it is known. */
  double norm(int slot, double square) const { return normOf(slots[slot], vectors, square); }
  double norm(int slot) const { return norm(slot, dot(slots[slot], slots[slot], vectors)); }
  double movingNorm(int slot, double square) const { return normOf(slots[slot] + movingAt, movingVectors, square); }
  double movingNorm(int slot) const {
    const V *z = slots[slot] + movingAt;
    return movingNorm(slot, dot(z, z, movingVectors));
  }
  /** Squared norm of the factor that does not move; 0 if there is none. */
  double frozenSquare(int slot) const {
    if (movingVectors == vectors) return 0;
    const V *z = slots[slot] + (movingAt == 0 ? xVectors : 0);
    return dot(z, z, vectors - movingVectors);
  }

  /** Slot a gets what b holds, which is not needed any more. */
  void take(int a, int b) {
    V *left = slots[a];
    slots[a] = slots[b];
    slots[b] = left;
  }

  /** Copies a factor. */
  void copyPart(int to, int from, int part) {
    const ptrdiff_t at = part == PART_X ? 0 : xVectors;
    memcpy(slots[to] + at, slots[from] + at, (part == PART_X ? xVectors : yVectors) * sizeof(V));
  }
  void copy(int to, int from) { memcpy(slots[to], slots[from], vectors * sizeof(V)); }

  /** Row-major X [n, rank] and Y [m, rank] into slot STATE; a factor that does not move into all that it is read of. */
  void pack(const char *rows) {
    memset((void *)slots[STATE], 0, vectors * sizeof(V));
    eachNumber(slots[STATE], [&](Real *z) { memcpy(z, rows, sizeof(Real)), rows += sizeof(Real); });
    if (movingVectors != vectors)
      for (int slot : {NEXT, OTHER, ERROR}) copyPart(slot, STATE, PART_BOTH - p.moving);
  }
  /** Slot STATE into row-major X and Y. */
  void unpack(char *rows) const {
    eachNumber(slots[STATE], [&](const Real *z) { memcpy(rows, z, sizeof(Real)), rows += sizeof(Real); });
  }

private:
  /** Room for P Y and P^T X, and for H Y. */
  V *lot;
  Real *gramX, *gramY;
  /** Room for a scale of every block. */
  V *ramp;
  void (*gram)(Real *, const V *, const V *, int, int);
  void (*half)(const Slope<L> &, int, int, int, ptrdiff_t, Made<L> &);

  static size_t lines(size_t bytes) { return (bytes + 63) & ~(size_t)63; }
  int slotCount() const {
    return p.scheme == SCHEME_CHEBYSHEV ? NEXT_DIRECTION + 1 : INNER + (p.stages > 2 ? p.stages - 2 : 0);
  }
  /** No multiple of the page, which would put the same row of all states into the same set of the cache. */
  size_t strideBytes() const { return lines(vectors * sizeof(V)) + 5 * 64; }
  size_t lotBytes() const {
    return p.structure == STRUCTURE_QUADRATIC ? (vectors + (p.covariance ? yVectors : 0)) * sizeof(V) : 0;
  }
  size_t gramBytes() const { return lines(gramNumbers(columns) * sizeof(Real)); }
  size_t scaleBytes() const {
    return p.structure == STRUCTURE_TRACE ? (p.xBlocks > p.yBlocks ? p.xBlocks : p.yBlocks) * sizeof(V) : 0;
  }

  void chooseCode() {
    switch (p.rank) {
#define CASE(R) case R: gram = Gram<L, R>::exact, half = Half<L, R>::half; break;
      CASE(1) CASE(2) CASE(3) CASE(4) CASE(5) CASE(6) CASE(7) CASE(8)
#undef CASE
    default: gram = Gram<L, TILE>::tiled, half = Half<L, 0>::half;
    }
  }

  /** What the slopes of X and Y at z are made of (kernels/cpu/structures says of each what they are). */
  void prepare(const V *z, int parts, Slope<L> &fX, Slope<L> &fY) {
    const V *x = z, *y = z + xVectors;
    const int common = p.xBlocks < p.yBlocks ? p.xBlocks : p.yBlocks;
    const V *scales = p.structure == STRUCTURE_TRACE ? ramp : in<V>(p.scales);
    fX = {x, y, scales, x, gramX, p.xBlocks, common, (Real)p.decayX};
    fY = {y, x, scales, y, gramY, p.yBlocks, common, (Real)p.decayY};
    const V *weighted = y;
    if (p.structure == STRUCTURE_TRACE) {
      const V slope = L::splat((Real)-(p.trace0 + dot(x, y, xVectors)));
      for (int b = 0; b < common; b++) ramp[b] = slope;
      memset(gramX, 0, 2 * gramBytes());
      return;
    }
    if (p.structure == STRUCTURE_QUADRATIC) {
      if (p.covariance) {
        Dense<L>::product(lot + vectors, in<V>(p.covariance), y, p.yBlocks, p.yBlocks, columns);
        fY.a = weighted = lot + vectors;
      }
      fX.z = lot, fX.common = p.xBlocks;
      fY.z = lot + xVectors, fY.common = p.yBlocks;
      if (parts & PART_X) Dense<L>::product(lot, in<V>(p.p), y, p.xBlocks, p.yBlocks, columns);
      if (parts & PART_Y) Dense<L>::product(lot + xVectors, in<V>(p.pTransposed), x, p.yBlocks, p.xBlocks, columns);
    }
    if (parts & PART_X) gram(gramX, y, weighted, p.yBlocks, columns);
    if (parts & PART_Y) gram(gramY, x, x, p.xBlocks, columns);
  }

  /** Rows of a factor, above and below where what is scaled ends. */
  INLINE void rows(const Slope<L> &f, int from, int to, ptrdiff_t at, Made<L> &made) {
    if (to > f.blocks) to = f.blocks;
    const int end = to < f.common ? to : f.common, begin = from > f.common ? from : f.common;
    if (from < end) half(f, from, end, columns, at, made);
    if (begin < to) half(f, begin, to, columns, at, made);
  }

  double normOf(const V *z, ptrdiff_t count, double square) const {
    if (!(square < smallSquare(Real()))) return sqrt(square);
    const V c = L::splat((Real)largeScale(Real()));
    V sum = L::zeros();
    for (ptrdiff_t i = 0; i < count; i++) sum = madd(c * z[i], c * z[i], sum);
    return sqrt((double)sumOf<L>(sum)) / largeScale(Real());
  }

  double dot(const V *a, const V *b, ptrdiff_t count) const {
    V s[4] = {L::zeros(), L::zeros(), L::zeros(), L::zeros()};
    ptrdiff_t i = 0;
    for (; i + 4 <= count; i += 4)
      UNROLL for (int k = 0; k < 4; k++) s[k] = madd(a[i + k], b[i + k], s[k]);
    for (; i < count; i++) s[0] = madd(a[i], b[i], s[0]);
    return (double)sumOf<L>((s[0] + s[1]) + (s[2] + s[3]));
  }

  /** Visits the numbers of a state in the order of rows. */
  template <class Visit> void eachNumber(V *state, Visit visit) const {
    constexpr int W = L::COUNT;
    Real *z = (Real *)state;
    for (int rows : {p.n, p.m}) {
      for (int i = 0; i < rows; i++)
        for (int j = 0; j < p.rank; j++) visit(z + ((ptrdiff_t)(i / W) * columns + j) * W + i % W);
      z += xVectors * W;
    }
  }
};

} // namespace
