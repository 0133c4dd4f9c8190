/**
 * Counter-based random numbers: Philox4x32-10 (Salmon, Moraes, Dror, Shaw, SC 2011). The n-th number of a stream
 * is a function of (seed, rank, trial, draw, stream, n) alone, so a trial's draws do not depend on what was drawn before.
 */
const MULTIPLIER_0 = 0xd2511f53;
const MULTIPLIER_1 = 0xcd9e8d57;
const WEYL_0 = 0x9e3779b9;
const WEYL_1 = 0xbb67ae85;

type Words4 = [number, number, number, number];

/** High 32 bits of the 64-bit product of two unsigned 32-bit integers. */
function mulHigh(a: number, b: number): number {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16);
  const carry = aLow * bHigh + (middle & 0xffff);
  return (aHigh * bHigh + Math.floor(middle / 0x10000) + Math.floor(carry / 0x10000)) >>> 0;
}

/** Ten rounds of Philox4x32: four 32-bit words from a four-word counter and a two-word key. */
export function philox4x32(counter: Readonly<Words4>, key: readonly [number, number]): Words4 {
  const words = new Uint32Array(4);
  philoxInto(words, ...counter, ...key);
  return [words[0]!, words[1]!, words[2]!, words[3]!];
}

function philoxInto(
  words: Uint32Array,
  c0: number,
  c1: number,
  c2: number,
  c3: number,
  k0: number,
  k1: number,
): void {
  for (let round = 0; round < 10; round++) {
    const high0 = mulHigh(MULTIPLIER_0, c0);
    const high1 = mulHigh(MULTIPLIER_1, c2);
    const low0 = Math.imul(MULTIPLIER_0, c0) >>> 0;
    const low1 = Math.imul(MULTIPLIER_1, c2) >>> 0;
    c0 = (high1 ^ c1 ^ k0) >>> 0;
    c1 = low1;
    c2 = (high0 ^ c3 ^ k1) >>> 0;
    c3 = low0;
    k0 = (k0 + WEYL_0) >>> 0;
    k1 = (k1 + WEYL_1) >>> 0;
  }
  words[0] = c0;
  words[1] = c1;
  words[2] = c2;
  words[3] = c3;
}

/** Streams of draws by purpose; each is independent of the others. */
export const streams = {
  loraA: 0,
  loraB: 1,
  mixing: 2,
  leftVectors: 3,
  rightVectors: 4,
  noise: 5,
  inputs: 6,
  labelNoise: 7,
  resamples: 8,
  minibatches: 9,
} as const;

export type StreamName = keyof typeof streams;

/** Streams that there is room for beside the draw, in one word of the counter. */
const MOST_STREAMS = 2 ** 8;
/** Draws of the target that there are random numbers for. */
export const MOST_DRAWS = 2 ** 32 / MOST_STREAMS;

/**
 * Identifies a trial's random numbers. `seed` is an integer in [0, 2^53); `rank` and `trial` are below 2^32; `draw`, of
 * the target, is below MOST_DRAWS (default: 0).
 */
export interface TrialKey {
  readonly seed: number;
  readonly rank: number;
  readonly trial: number;
  readonly draw?: number;
}

/** The word of the counter that tells streams, and draws of the target, apart. */
export const streamWord = (stream: StreamName, draw = 0): number =>
  (streams[stream] + MOST_STREAMS * draw) >>> 0;

/** The words of a block of a stream are written to `words`. */
function writeBlock(
  words: Uint32Array,
  block: number,
  { seed, rank, trial, draw }: TrialKey,
  stream: StreamName,
): void {
  const high = Math.floor(seed / 2 ** 32) >>> 0;
  philoxInto(words, block, streamWord(stream, draw), rank, trial, seed >>> 0, high);
}

/** The open unit interval: the centre of one of 2^32 equal cells, never 0 or 1. */
const unit = (word: number): number => (word + 0.5) * 2 ** -32;

/** `count` uniform numbers in (0, 1). */
export function uniforms(count: number, key: TrialKey, stream: StreamName): Float64Array {
  const out = new Float64Array(count);
  const words = new Uint32Array(4);
  for (let offset = 0; offset < count; offset += 4) {
    writeBlock(words, offset / 4, key, stream);
    for (let i = 0; i < 4 && offset + i < count; i++) out[offset + i] = unit(words[i]!);
  }
  return out;
}

/** `count` standard normal numbers (Box-Muller in float64; the tail ends at 6.7 standard deviations). */
export function normals(count: number, key: TrialKey, stream: StreamName): Float64Array {
  const out = new Float64Array(count);
  const words = new Uint32Array(4);
  for (let offset = 0; offset < count; offset += 4) {
    writeBlock(words, offset / 4, key, stream);
    for (let pair = 0; pair < 2; pair++) {
      const at = offset + 2 * pair;
      if (at >= count) break;
      const radius = Math.sqrt(-2 * Math.log(unit(words[2 * pair]!)));
      const angle = 2 * Math.PI * unit(words[2 * pair + 1]!);
      out[at] = radius * Math.cos(angle);
      if (at + 1 < count) out[at + 1] = radius * Math.sin(angle);
    }
  }
  return out;
}
