// Products of factors, a factor in vectors [blocks][columns][lanes]: Gram matrices, the slope of a factor with what is
// made of it while it is in registers, and products with large matrices. Ranks up to EXACT have code of their own; above,
// columns are padded to multiples of TILE and taken in tiles.
#pragma once
#include "generated.h"
#include "lanes.h"

namespace {

/** Where entry [i, j] of a symmetric matrix of R <= EXACT columns is: packed as it is summed, in three parts. */
template <int R> INLINE constexpr int entryOf(int row, int column) {
  constexpr int A = R < TILE ? R : TILE, B = R - A, first = (A * B + 15) / 16 * 16;
  const int i = row < column ? row : column, j = row < column ? column : row;
  return i < A && j >= A ? i * B + (j - A)
         : j < A         ? first + i * A - i * (i - 1) / 2 + (j - i)
                         : first + A * (A + 1) / 2 + (i - A) * B - (i - A) * (i - A - 1) / 2 + (j - i);
}

/** Numbers that a Gram matrix of so many columns takes, with whole vectors to write to. */
inline size_t gramNumbers(int columns) { return ((size_t)columns * columns + 96) / 16 * 16; }

/** a^T b, which must be symmetric. */
template <class L, int R> struct Gram {
  using V = typename L::V;
  using Real = typename L::Real;
  static constexpr int A = R < TILE ? R : TILE, B = R - A;

  /** NI columns of a by NJ of b. */
  template <int NI, int NJ>
  static INLINE void rectangle(Real *to, const V *a, const V *b, int blocks, int step) {
    V s[NI * NJ] = {};
    for (int k = 0; k < blocks; k++, a += step, b += step) {
      UNROLL for (int i = 0; i < NI; i++)
        UNROLL for (int j = 0; j < NJ; j++) s[i * NJ + j] = madd(a[i], b[j], s[i * NJ + j]);
    }
    sumsOf<L, NI * NJ>(s, to);
  }

  /** Upper triangles of the first NA columns and of the NB others. */
  template <int NA, int NB>
  static INLINE void triangles(Real *to, const V *a, const V *b, int blocks, int step) {
    constexpr int N = NA * (NA + 1) / 2 + NB * (NB + 1) / 2;
    V s[N] = {};
    for (int k = 0; k < blocks; k++, a += step, b += step) {
      int at = 0;
      UNROLL for (int i = 0; i < NA; i++)
        UNROLL for (int j = i; j < NA; j++, at++) s[at] = madd(a[i], b[j], s[at]);
      UNROLL for (int i = 0; i < NB; i++)
        UNROLL for (int j = i; j < NB; j++, at++) s[at] = madd(a[NA + i], b[NA + j], s[at]);
    }
    sumsOf<L, N>(s, to);
  }

  /** Packed as entryOf has it. */
  static NOINLINE void exact(Real *g, const V *a, const V *b, int blocks, int) {
    constexpr int first = (A * B + 15) / 16 * 16;
    alignas(64) Real rest[32];
    if constexpr (B > 0) {
      if constexpr (MANY_REGISTERS || A * B <= 8) rectangle<A, B>(g, a, b + A, blocks, R);
      else {
        rectangle<2, B>(g, a, b + A, blocks, R);
        rectangle<2, B>(rest, a + 2, b + A, blocks, R);
        for (int i = 0; i < 2 * B; i++) g[2 * B + i] = rest[i];
      }
    }
    if constexpr (MANY_REGISTERS || B <= 1) triangles<A, B>(g + first, a, b, blocks, R);
    else {
      triangles<A, 0>(g + first, a, b, blocks, R);
      triangles<B, 0>(rest, a + A, b + A, blocks, R);
      for (int i = 0; i < B * (B + 1) / 2; i++) g[first + A * (A + 1) / 2 + i] = rest[i];
    }
  }

  /** [columns][columns]. */
  static NOINLINE void tiled(Real *g, const V *a, const V *b, int blocks, int columns) {
    alignas(64) Real sums[32];
    auto put = [&](int row, int column, int rows) {
      for (int i = 0; i < rows; i++)
        for (int j = 0; j < TILE; j++)
          g[(row + i) * columns + column + j] = g[(column + j) * columns + row + i] = sums[i * TILE + j];
    };
    for (int row = 0; row < columns; row += TILE) {
      triangles<TILE, 0>(sums, a + row, b + row, blocks, columns);
      for (int i = 0, at = 0; i < TILE; i++)
        for (int j = i; j < TILE; j++, at++)
          g[(row + i) * columns + row + j] = g[(row + j) * columns + row + i] = sums[at];
      for (int column = row + TILE; column < columns; column += TILE) {
        constexpr int rows = MANY_REGISTERS ? TILE : 2;
        for (int i = 0; i < TILE; i += rows) {
          rectangle<rows, TILE>(sums, a + row + i, b + column, blocks, columns);
          put(row + i, column, rows);
        }
      }
    }
  }
};

/** The slope of a factor, scales z - a g - decay own: where scales and z end, or below the last row, scales are zero. */
template <class L> struct Slope {
  const typename L::V *own, *z, *scales, *a;
  const typename L::Real *g;
  /** Blocks of the factor, and of z. */
  int blocks, common;
  typename L::Real decay;
};

/** What is made of a slope F: itself, and out = own F + sum of terms; and the squared norms of either. */
template <class L> struct Made {
  using V = typename L::V;
  using Real = typename L::Real;
  V *slope, *out;
  Real own;
  bool sizesSlope, sizesOut;
  int terms;
  const V *z[MOST_TERMS];
  Real c[MOST_TERMS];
  V slopeSquares, outSquares;
};

template <class L, int R> struct Half {
  using V = typename L::V;
  using Real = typename L::Real;

  /** NB blocks of NC columns from j0 on, of blocks that begin `row` vectors into the factor, `at` into the state. */
  template <int NB, int NC>
  static INLINE void tile(const Slope<L> &f, const V *z, const V *const scales, ptrdiff_t row, int j0, int columns,
                          ptrdiff_t at, Made<L> &made) {
    const int r = R ? R : columns;
    V o[NB][NC];
#define EACH UNROLL for (int b = 0; b < NB; b++) UNROLL for (int j = 0; j < NC; j++)
    EACH o[b][j] = scales[b] * z[row + b * r + j0 + j];
    auto column = [&](int i) __attribute__((always_inline)) {
      V x[NB];
      UNROLL for (int b = 0; b < NB; b++) x[b] = f.a[row + b * r + i];
      UNROLL for (int j = 0; j < NC; j++) {
        const V c = L::splat(R ? f.g[entryOf<R ? R : 1>(i, j0 + j)] : f.g[i * columns + j0 + j]);
        UNROLL for (int b = 0; b < NB; b++) o[b][j] = nmadd(x[b], c, o[b][j]);
      }
    };
    if constexpr (R > 0) {
      UNROLL for (int i = 0; i < R; i++) column(i);
    } else
      for (int i = 0; i < columns; i++) column(i);
    if (f.decay != 0) {
      const V c = L::splat(f.decay);
      EACH o[b][j] = nmadd(c, f.own[row + b * r + j0 + j], o[b][j]);
    }
    at += row + j0;
    if (made.sizesSlope) {
      V s[2] = {L::zeros(), L::zeros()};
      EACH s[j & 1] = madd(o[b][j], o[b][j], s[j & 1]);
      made.slopeSquares += s[0] + s[1];
    }
    if (made.slope) EACH made.slope[at + b * r + j] = o[b][j];
    if (!made.out) return;
    const V own = L::splat(made.own);
    int k = 0;
    // The state, which is the first term of most sums, is taken as it is.
    if (made.terms > 0 && made.c[0] == 1) {
      const V *term = made.z[k++] + at;
      EACH o[b][j] = made.own == 0 ? term[b * r + j] : madd(own, o[b][j], term[b * r + j]);
    } else EACH o[b][j] = made.own == 0 ? L::zeros() : own * o[b][j];
    for (; k < made.terms; k++) {
      const V w = L::splat(made.c[k]);
      const V *term = made.z[k] + at;
      EACH o[b][j] = madd(w, term[b * r + j], o[b][j]);
    }
    if (made.sizesOut) {
      V s[2] = {L::zeros(), L::zeros()};
      EACH s[j & 1] = madd(o[b][j], o[b][j], s[j & 1]);
      made.outSquares += s[0] + s[1];
    }
    EACH made.out[at + b * r + j] = o[b][j];
#undef EACH
  }

  template <int NB>
  static INLINE void rows(const Slope<L> &f, const V *z, const V *scales, ptrdiff_t row, int columns, ptrdiff_t at,
                          Made<L> &made) {
    constexpr int most = MANY_REGISTERS ? 8 : 4;
    if constexpr (R > 0) {
      constexpr int first = R <= most ? R : (R + 1) / 2;
      tile<NB, first>(f, z, scales, row, 0, R, at, made);
      if constexpr (R > first) tile<NB, R - first>(f, z, scales, row, first, R, at, made);
    } else {
      int j = 0;
      if constexpr (most == 8)
        for (; j + 8 <= columns; j += 8) tile<NB, 8>(f, z, scales, row, j, columns, at, made);
      for (; j < columns; j += TILE) tile<NB, TILE>(f, z, scales, row, j, columns, at, made);
    }
  }

  /** Blocks `from` to `to`, all of them on one side of the end of z. The factor begins `at` vectors into the state. */
  static NOINLINE void half(const Slope<L> &f, int from, int to, int columns, ptrdiff_t at, Made<L> &made) {
    const V zeros[2] = {L::zeros(), L::zeros()};
    const bool below = from >= f.common;
    // What zeros multiply does not matter.
    const V *const z = below ? f.a : f.z;
    int b = from;
    for (; b + 2 <= to; b += 2)
      rows<2>(f, z, below ? zeros : f.scales + b, (ptrdiff_t)b * columns, columns, at, made);
    if (b < to) rows<1>(f, z, below ? zeros : f.scales + b, (ptrdiff_t)b * columns, columns, at, made);
  }
};

/** Product of a [blocks][lanes inBlocks][lanes] with z [inBlocks][columns][lanes], into [blocks][columns][lanes]. */
template <class L> struct Dense {
  using V = typename L::V;
  using Real = typename L::Real;

  template <int NB, int NC> static INLINE void tile(V *out, const V *a, const V *z, int inBlocks, int columns) {
    constexpr int W = L::COUNT;
    const ptrdiff_t row = (ptrdiff_t)W * inBlocks;
    V o[NB][NC] = {};
    for (int k = 0; k < inBlocks; k++) {
      const Real *from = (const Real *)(z + (ptrdiff_t)k * columns);
      for (int lane = 0; lane < W; lane++, from++, a++) {
        V x[NB];
        UNROLL for (int b = 0; b < NB; b++) x[b] = a[b * row];
        UNROLL for (int j = 0; j < NC; j++) {
          const V c = L::splat(from[j * W]);
          UNROLL for (int b = 0; b < NB; b++) o[b][j] = madd(x[b], c, o[b][j]);
        }
      }
    }
    UNROLL for (int b = 0; b < NB; b++)
      UNROLL for (int j = 0; j < NC; j++) out[b * columns + j] = o[b][j];
  }

  template <int NB> static INLINE void rows(V *out, const V *a, const V *z, int inBlocks, int columns) {
    int j = 0;
    if constexpr (MANY_REGISTERS)
      for (; j + 8 <= columns; j += 8) tile<NB, 8>(out + j, a, z + j, inBlocks, columns);
    for (; j + 4 <= columns; j += 4) tile<NB, 4>(out + j, a, z + j, inBlocks, columns);
    if (j + 2 <= columns) {
      tile<NB, 2>(out + j, a, z + j, inBlocks, columns);
      j += 2;
    }
    if (j < columns) tile<NB, 1>(out + j, a, z + j, inBlocks, columns);
  }

  static NOINLINE void product(V *out, const V *a, const V *z, int blocks, int inBlocks, int columns) {
    const ptrdiff_t row = (ptrdiff_t)L::COUNT * inBlocks;
    int b = 0;
    for (; b + 2 <= blocks; b += 2) rows<2>(out + b * columns, a + b * row, z, inBlocks, columns);
    if (b < blocks) rows<1>(out + b * columns, a + b * row, z, inBlocks, columns);
  }
};

} // namespace
