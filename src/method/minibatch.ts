/** Minibatches: the samples of which a step of a trajectory takes the mean gradient. */
import { InputError } from '../host/inputError.js';
import type { Structure } from '../problem/structure.js';
import { uniforms } from '../numbers/philox.js';

export interface Minibatches {
  /** Samples B of a minibatch. */
  readonly size: number;
  /** Seed that they are drawn by. */
  readonly seed: number;
}

/** Whose minibatches: a trial, whatever its rank, and the draw of the target that its samples are of. */
export interface Sampler {
  readonly trial: number;
  readonly draw: number;
}

/** @throws InputError if a size or a seed is no whole number in range */
export function minibatches(size: number, seed = 0): Minibatches {
  if (!(Number.isInteger(size) && size >= 1))
    throw new InputError('batch', size, 'a whole number of samples from 1 on');
  if (!(Number.isSafeInteger(seed) && seed >= 0))
    throw new InputError('seed', seed, 'a whole number from 0 on');
  return { size, seed };
}

/**
 * Indices of the samples of a step, from 0 [B]: a uniform draw of B of `count` without replacement, independent from
 * step to step. A function of (seed, draw, trial, step) alone: the first B swaps of Fisher and Yates' shuffle, by Philox
 * in a stream of its own.
 */
export function minibatchAt(
  { size, seed }: Minibatches,
  { trial, draw }: Sampler,
  step: number,
  count: number,
): Int32Array {
  // The step has the word of the counter that ranks have in other streams: all ranks see the same samples.
  const random = uniforms(size, { seed, rank: step, trial, draw }, 'minibatches');
  const moved = new Map<number, number>();
  return Int32Array.from(random, (u, i) => {
    const j = i + Math.floor(u * (count - i));
    const chosen = moved.get(j) ?? j;
    moved.set(j, moved.get(i) ?? i);
    return chosen;
  });
}

/** The number of samples that a step may choose from; null of losses that are no mean over samples. */
const samplesIn = (structure: Structure): number | null =>
  structure.kind === 'samples' ? structure.inputs.rows : null;

/** @throws InputError if minibatches of that size cannot be taken of a structure */
export function assertMinibatches(size: number, structure: Structure): void {
  const count = samplesIn(structure);
  if (count === null) throw new InputError('batch', size, 'left out without samples');
  if (size > count) throw new InputError('batch', size, `at most ${count}, the samples`);
}

/** Minibatches of a structure, one for each step of each sampler. */
export interface MinibatchesOf {
  at(sampler: Sampler, step: number): Int32Array;
}

/** The minibatches that steps on a structure take; null where each takes all samples, and so none is drawn. */
export function minibatchesOf(chosen: Minibatches | undefined, structure: Structure): MinibatchesOf | null {
  const count = samplesIn(structure);
  if (!chosen || count === null || chosen.size === count) return null;
  return { at: (sampler, step) => minibatchAt(chosen, sampler, step, count) };
}
