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
  let [c0, c1, c2, c3] = counter;
  let [k0, k1] = key;
  for (let round = 0; round < 10; round++) {
    const high0 = mulHigh(MULTIPLIER_0, c0);
    const high1 = mulHigh(MULTIPLIER_1, c2);
    const low0 = Math.imul(MULTIPLIER_0, c0) >>> 0;
    const low1 = Math.imul(MULTIPLIER_1, c2) >>> 0;
    [c0, c1, c2, c3] = [(high1 ^ c1 ^ k0) >>> 0, low1, (high0 ^ c3 ^ k1) >>> 0, low0];
    k0 = (k0 + WEYL_0) >>> 0;
    k1 = (k1 + WEYL_1) >>> 0;
  }
  return [c0, c1, c2, c3];
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

function forEachBlock(
  count: number,
  { seed, rank, trial, draw }: TrialKey,
  stream: StreamName,
  write: (words: Words4, offset: number) => void,
): void {
  const key = [seed >>> 0, Math.floor(seed / 2 ** 32) >>> 0] as const;
  const word = streamWord(stream, draw);
  for (let block = 0; block * 4 < count; block++) {
    write(philox4x32([block, word, rank, trial], key), block * 4);
  }
}

/** The open unit interval: the centre of one of 2^32 equal cells, never 0 or 1. */
const unit = (word: number): number => (word + 0.5) * 2 ** -32;

/** `count` uniform numbers in (0, 1). */
export function uniforms(count: number, key: TrialKey, stream: StreamName): Float64Array {
  const out = new Float64Array(count);
  forEachBlock(count, key, stream, (words, offset) => {
    for (let i = 0; i < 4 && offset + i < count; i++) out[offset + i] = unit(words[i] as number);
  });
  return out;
}

/** `count` standard normal numbers (Box-Muller in float64; the tail ends at 6.7 standard deviations). */
export function normals(count: number, key: TrialKey, stream: StreamName): Float64Array {
  const out = new Float64Array(count);
  forEachBlock(count, key, stream, (words, offset) => {
    for (let pair = 0; pair < 2; pair++) {
      const radius = Math.sqrt(-2 * Math.log(unit(words[2 * pair] as number)));
      const angle = 2 * Math.PI * unit(words[2 * pair + 1] as number);
      const at = offset + 2 * pair;
      if (at < count) out[at] = radius * Math.cos(angle);
      if (at + 1 < count) out[at + 1] = radius * Math.sin(angle);
    }
  });
  return out;
}
