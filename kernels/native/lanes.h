// Vectors of the processor, RF_BYTES wide, rows of a factor in their lanes. Every product that is added is fused by
// name and nothing else is (the build forbids the compiler to fuse), so that digits of sums and products depend on RF_BYTES
// alone (those of step sizes also on the C library's pow, track.h).
#pragma once
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#else
#include <arm_neon.h>
#endif

#define INLINE inline __attribute__((always_inline))
#define NOINLINE __attribute__((noinline))
#ifdef __clang__
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 32")
#endif

// Local to the translation unit: kernels are compiled of the same sources with different flags.
namespace {

/** Whether there are 32 registers, or 16. */
constexpr bool MANY_REGISTERS = RF_BYTES != 32;

template <class Real_> struct Lanes {
  using Real = Real_;
  static constexpr int COUNT = RF_BYTES / sizeof(Real);
  typedef Real V __attribute__((vector_size(RF_BYTES)));
  static INLINE V zeros() { return V{}; }
  static INLINE V splat(Real value) { return value - V{}; }
};
typedef Lanes<float>::V Singles;
typedef Lanes<double>::V Doubles;

// c + a b and c - a b with one rounding.
#if RF_BYTES == 64
INLINE Singles madd(Singles a, Singles b, Singles c) { return (Singles)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c); }
INLINE Doubles madd(Doubles a, Doubles b, Doubles c) { return (Doubles)_mm512_fmadd_pd((__m512d)a, (__m512d)b, (__m512d)c); }
INLINE Singles nmadd(Singles a, Singles b, Singles c) { return (Singles)_mm512_fnmadd_ps((__m512)a, (__m512)b, (__m512)c); }
INLINE Doubles nmadd(Doubles a, Doubles b, Doubles c) { return (Doubles)_mm512_fnmadd_pd((__m512d)a, (__m512d)b, (__m512d)c); }
#elif RF_BYTES == 32
INLINE Singles madd(Singles a, Singles b, Singles c) { return (Singles)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c); }
INLINE Doubles madd(Doubles a, Doubles b, Doubles c) { return (Doubles)_mm256_fmadd_pd((__m256d)a, (__m256d)b, (__m256d)c); }
INLINE Singles nmadd(Singles a, Singles b, Singles c) { return (Singles)_mm256_fnmadd_ps((__m256)a, (__m256)b, (__m256)c); }
INLINE Doubles nmadd(Doubles a, Doubles b, Doubles c) { return (Doubles)_mm256_fnmadd_pd((__m256d)a, (__m256d)b, (__m256d)c); }
#else
INLINE Singles madd(Singles a, Singles b, Singles c) { return (Singles)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b); }
INLINE Doubles madd(Doubles a, Doubles b, Doubles c) { return (Doubles)vfmaq_f64((float64x2_t)c, (float64x2_t)a, (float64x2_t)b); }
INLINE Singles nmadd(Singles a, Singles b, Singles c) { return (Singles)vfmsq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b); }
INLINE Doubles nmadd(Doubles a, Doubles b, Doubles c) { return (Doubles)vfmsq_f64((float64x2_t)c, (float64x2_t)a, (float64x2_t)b); }
#endif

// Two vectors of partial sums into one, level by level: after the last, each lane is the sum of a vector.
#define SHUFFLE __builtin_shufflevector
#if RF_BYTES == 64
INLINE Singles merged(int level, Singles a, Singles b) {
  if (level == 0)
    return SHUFFLE(a, b, 0, 16, 1, 17, 4, 20, 5, 21, 8, 24, 9, 25, 12, 28, 13, 29) +
           SHUFFLE(a, b, 2, 18, 3, 19, 6, 22, 7, 23, 10, 26, 11, 27, 14, 30, 15, 31);
  if (level == 1)
    return SHUFFLE(a, b, 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29) +
           SHUFFLE(a, b, 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31);
  if (level == 2)
    return SHUFFLE(a, b, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23) +
           SHUFFLE(a, b, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31);
  return SHUFFLE(a, b, 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27) +
         SHUFFLE(a, b, 4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31);
}
INLINE Doubles merged(int level, Doubles a, Doubles b) {
  if (level == 0) return SHUFFLE(a, b, 0, 8, 2, 10, 4, 12, 6, 14) + SHUFFLE(a, b, 1, 9, 3, 11, 5, 13, 7, 15);
  if (level == 1) return SHUFFLE(a, b, 0, 1, 2, 3, 8, 9, 10, 11) + SHUFFLE(a, b, 4, 5, 6, 7, 12, 13, 14, 15);
  return SHUFFLE(a, b, 0, 1, 4, 5, 8, 9, 12, 13) + SHUFFLE(a, b, 2, 3, 6, 7, 10, 11, 14, 15);
}
#elif RF_BYTES == 32
INLINE Singles merged(int level, Singles a, Singles b) {
  if (level == 0) return SHUFFLE(a, b, 0, 8, 1, 9, 4, 12, 5, 13) + SHUFFLE(a, b, 2, 10, 3, 11, 6, 14, 7, 15);
  if (level == 1) return SHUFFLE(a, b, 0, 1, 8, 9, 4, 5, 12, 13) + SHUFFLE(a, b, 2, 3, 10, 11, 6, 7, 14, 15);
  return SHUFFLE(a, b, 0, 1, 2, 3, 8, 9, 10, 11) + SHUFFLE(a, b, 4, 5, 6, 7, 12, 13, 14, 15);
}
INLINE Doubles merged(int level, Doubles a, Doubles b) {
  if (level == 0) return SHUFFLE(a, b, 0, 4, 2, 6) + SHUFFLE(a, b, 1, 5, 3, 7);
  return SHUFFLE(a, b, 0, 1, 4, 5) + SHUFFLE(a, b, 2, 3, 6, 7);
}
#else
INLINE Singles merged(int level, Singles a, Singles b) {
  if (level == 0) return SHUFFLE(a, b, 0, 4, 1, 5) + SHUFFLE(a, b, 2, 6, 3, 7);
  return SHUFFLE(a, b, 0, 1, 4, 5) + SHUFFLE(a, b, 2, 3, 6, 7);
}
INLINE Doubles merged(int, Doubles a, Doubles b) { return SHUFFLE(a, b, 0, 2) + SHUFFLE(a, b, 1, 3); }
#endif

constexpr int levelsOf(int lanes) { return lanes < 2 ? 0 : 1 + levelsOf(lanes / 2); }

/** The sums of the lanes of N vectors, in their order. `to` has room for whole vectors. */
template <class L, int N> INLINE void sumsOf(const typename L::V (&vectors)[N], typename L::Real *to) {
  using V = typename L::V;
  constexpr int W = L::COUNT, levels = levelsOf(W);
  UNROLL for (int from = 0; from < N; from += W) {
    V v[W];
    int count = N - from < W ? N - from : W;
    UNROLL for (int i = 0; i < W; i++)
      if (i < count) v[i] = vectors[from + i < N ? from + i : 0];
    UNROLL for (int level = 0; level < levels; level++) {
      const int half = (count + 1) / 2;
      UNROLL for (int i = 0; i < W / 2; i++)
        if (i < half) v[i] = merged(level, v[2 * i], v[2 * i + 1 < count ? 2 * i + 1 : 2 * i]);
      count = half;
    }
    memcpy(to + from, &v[0], sizeof(V));
  }
}

/** The sum of the lanes of a vector. */
template <class L> INLINE typename L::Real sumOf(typename L::V v) {
  const typename L::V one[1] = {v};
  alignas(RF_BYTES) typename L::Real sums[L::COUNT];
  sumsOf<L, 1>(one, sums);
  return sums[0];
}

} // namespace
