/*
 * W1 in C, for comparison with the wasm kernel: the Frobenius flow in its spectral frame at rank 8 by RK4, in float32
 * and vectors of 16 bytes, in one thread. A state is [blocks][8 columns][4 rows], rows in lanes; Gram matrices are
 * symmetric and summed in tiles that stay in registers; two blocks of rows at a time. Steps are measured as the kernel
 * measures them, by the norms of the state and its slope.
 *
 * w1 N M TRAJECTORIES STEPS STEP < sigma [min(n, m)], then X [n, 8] and Y [m, 8] of each, row-major float32
 * It writes the seconds (float64), and X and Y of the first trajectory at the end.
 */
#define _POSIX_C_SOURCE 199309L
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef float V __attribute__((vector_size(16)));
enum { R = 8, LANES = 4, TILE = 4 };
#define INLINE static inline __attribute__((always_inline))

typedef struct {
  /* Blocks of X and of Y, both even; what is padded is zero and stays so. */
  size_t x, y;
} Shape;

static V splat(float value) { return (V){value, value, value, value}; }
static float sum(V a) { return (a[0] + a[1]) + (a[2] + a[3]); }

/* Entries [i0, i0 + rows) x [j0, j0 + columns) of a^T a; of a square tile on the diagonal the upper triangle. */
INLINE void gram_tile(float g[R][R], const V *a, size_t blocks, int i0, int rows, int j0, int columns) {
  V s[TILE][TILE];
  for (int i = 0; i < rows; i++)
    for (int j = 0; j < columns; j++) s[i][j] = splat(0);
  for (size_t block = 0; block < blocks; block++, a += R)
    for (int i = 0; i < rows; i++)
      for (int j = i0 == j0 ? i : 0; j < columns; j++) s[i][j] += a[i0 + i] * a[j0 + j];
  for (int i = 0; i < rows; i++)
    for (int j = i0 == j0 ? i : 0; j < columns; j++) g[i0 + i][j0 + j] = g[j0 + j][i0 + i] = sum(s[i][j]);
}

/* 10, 8, 8 and 10 sums. */
static void gram(float g[R][R], const V *a, size_t blocks) {
  gram_tile(g, a, blocks, 0, 4, 0, 4);
  gram_tile(g, a, blocks, 0, 2, 4, 4);
  gram_tile(g, a, blocks, 2, 2, 4, 4);
  gram_tile(g, a, blocks, 4, 4, 4, 4);
}

/* Two blocks of columns [from, from + 4) of out = scales z - a g. */
INLINE void product_tile(V *out, const V *z, const V *scales, const V *a, float g[R][R], int from) {
  V o[2][TILE];
  for (int b = 0; b < 2; b++)
    for (int j = 0; j < TILE; j++) o[b][j] = scales[b] * z[b * R + from + j];
  for (int i = 0; i < R; i++)
    for (int j = 0; j < TILE; j++) {
      V c = splat(g[i][from + j]);
      for (int b = 0; b < 2; b++) o[b][j] -= a[b * R + i] * c;
    }
  for (int b = 0; b < 2; b++)
    for (int j = 0; j < TILE; j++) out[b * R + from + j] = o[b][j];
}

/* sigma other - own (other^T other); below the other's last row sigma is zero, and what it multiplies is not read. */
static void half(V *restrict out, const V *own, const V *other, const V *sigma, size_t blocks, size_t others) {
  float g[R][R];
  gram(g, other, others);
  for (size_t block = 0; block < blocks; block += 2) {
    const V *z = block < others ? other + block * R : own + block * R;
    product_tile(out + block * R, z, sigma + block, own + block * R, g, 0);
    product_tile(out + block * R, z, sigma + block, own + block * R, g, 4);
  }
}

static void flow(V *restrict out, const V *state, const V *sigma, Shape shape) {
  const V *x = state, *y = state + shape.x * R;
  half(out, x, y, sigma, shape.x, shape.y);
  half(out + shape.x * R, y, x, sigma, shape.y, shape.x);
}

static float norm(const V *z, size_t count) {
  V s = splat(0), t = splat(0);
  for (size_t i = 0; i < count; i += 2) {
    s += z[i] * z[i];
    t += z[i + 1] * z[i + 1];
  }
  return sqrtf(sum(s + t));
}

static void move(V *restrict out, const V *state, float h, const V *slope, size_t count) {
  const V c = splat(h);
  for (size_t i = 0; i < count; i++) out[i] = state[i] + c * slope[i];
}

/* A step from state to next; false if it left the range. */
static int step(V *restrict next, const V *state, V *restrict k[4], float h, const V *sigma, Shape shape) {
  const size_t count = (shape.x + shape.y) * R;
  flow(k[0], state, sigma, shape);
  move(next, state, h / 2, k[0], count);
  flow(k[1], next, sigma, shape);
  move(next, state, h / 2, k[1], count);
  flow(k[2], next, sigma, shape);
  move(next, state, h, k[2], count);
  flow(k[3], next, sigma, shape);
  const V c = splat(h / 6), d = splat(h / 3);
  for (size_t i = 0; i < count; i++)
    next[i] = state[i] + c * k[0][i] + d * k[1][i] + d * k[2][i] + c * k[3][i];
  return isfinite(norm(next, count)) && isfinite(norm(k[0], count));
}

/* Where entry [row, column] is, in float32 numbers. */
static size_t entry(size_t row, size_t column) { return (row / LANES * R + column) * LANES + row % LANES; }

static void pack(float *z, const float *rows, size_t count) {
  for (size_t i = 0; i < count; i++)
    for (size_t j = 0; j < R; j++) z[entry(i, j)] = rows[i * R + j];
}

static void unpack(float *rows, const float *z, size_t count) {
  for (size_t i = 0; i < count; i++)
    for (size_t j = 0; j < R; j++) rows[i * R + j] = z[entry(i, j)];
}

static V *vectors(size_t count) {
  const size_t bytes = (count * sizeof(V) + 63) / 64 * 64;
  V *z = aligned_alloc(64, bytes);
  if (!z) exit(1);
  return memset(z, 0, bytes);
}

int main(int argc, char **argv) {
  if (argc != 6) return 2;
  const size_t n = strtoul(argv[1], 0, 10), m = strtoul(argv[2], 0, 10);
  const size_t trajectories = strtoul(argv[3], 0, 10), steps = strtoul(argv[4], 0, 10);
  const float h = strtof(argv[5], 0);
  const size_t unit = 2 * LANES, least = n < m ? n : m, most = n < m ? m : n, numbers = (n + m) * R;
  const Shape shape = {2 * ((n + unit - 1) / unit), 2 * ((m + unit - 1) / unit)};
  const size_t count = (shape.x + shape.y) * R;
  V *sigma = vectors(2 * ((most + unit - 1) / unit)), *state = vectors(count), *next = vectors(count), *k[4];
  for (int i = 0; i < 4; i++) k[i] = vectors(count);
  float *rows = malloc(trajectories * numbers * sizeof(float));
  if (!rows || fread(sigma, sizeof(float), least, stdin) != least) return 1;
  if (fread(rows, sizeof(float), trajectories * numbers, stdin) != trajectories * numbers) return 1;

  struct timespec begun, ended;
  clock_gettime(CLOCK_MONOTONIC, &begun);
  for (size_t i = 0; i < trajectories; i++) {
    float *start = rows + i * numbers;
    pack((float *)state, start, n);
    pack((float *)(state + shape.x * R), start + n * R, m);
    for (size_t j = 0; j < steps; j++) {
      if (!step(next, state, k, h, sigma, shape)) return 1;
      V *left = state;
      state = next;
      next = left;
    }
    unpack(start, (float *)state, n);
    unpack(start + n * R, (float *)(state + shape.x * R), m);
  }
  clock_gettime(CLOCK_MONOTONIC, &ended);
  const double seconds = (double)(ended.tv_sec - begun.tv_sec) + 1e-9 * (double)(ended.tv_nsec - begun.tv_nsec);
  fwrite(&seconds, sizeof seconds, 1, stdout);
  fwrite(rows, sizeof(float), numbers, stdout);
  return 0;
}
