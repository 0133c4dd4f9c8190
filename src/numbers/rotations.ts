/** Rotations of the columns of an orthogonal matrix, collected and then applied together. */
import { stripCount, stripIndex, stripLength } from './strips.js';
import type { Block, Loops } from './workspace.js';

/** Rotations collected at most (they are to stay in the cache), and chains of them. */
const ROTATIONS = 2 ** 14;
const CHAINS = 2 ** 10;

/** Memory of a collector: the matrix in strips, the pairs c, s and the chains. */
export interface RotationRoom {
  readonly strips: Block;
  readonly pairs: Block;
  readonly chains: Block;
}

/** Lengths for a square matrix [size, size]. */
export const rotationLengths = (size: number): Record<keyof RotationRoom, number> => ({
  strips: stripLength(size, size),
  // Some 2 size^2 rotations in all.
  pairs: 2 * Math.max(size, Math.min(ROTATIONS, 4 * size ** 2)),
  chains: (3 * CHAINS) / 2,
});

/** Orthogonal Q [size, size], the product of rotations of columns; collected for Q^T, whose rows they are. */
export class Rotations {
  readonly #chains: Int32Array;
  #rotations = 0;
  #chainCount = 0;

  constructor(
    private readonly loops: Loops,
    private readonly room: RotationRoom,
    private readonly size: number,
  ) {
    const { strips, chains } = room;
    this.#chains = new Int32Array(chains.data.buffer, chains.address, 2 * chains.data.length);
    for (let i = 0; i < size; i++) strips.data[stripIndex(size, i, i)] = 1;
  }

  /** Entry (i, j) of Q, after `apply`. */
  entry(i: number, j: number): number {
    return this.room.strips.data[stripIndex(this.size, j, i)]!;
  }

  /** Starts a chain of `length` rotations, of column `first` with first + step, of that with the next, and so on. */
  start(first: number, step: 1 | -1, length: number): void {
    const full = this.#chainCount === CHAINS || 2 * (this.#rotations + length) > this.room.pairs.data.length;
    if (full) this.apply();
    this.#chains.set([first, step, length], 3 * this.#chainCount++);
  }

  /** The next rotation of the chain. */
  add(c: number, s: number): void {
    this.room.pairs.data[2 * this.#rotations] = c;
    this.room.pairs.data[2 * this.#rotations++ + 1] = s;
  }

  /** Applies what is collected. */
  apply(): void {
    const { strips, pairs, chains } = this.room;
    this.loops.rotate(
      strips.address,
      stripCount(this.size),
      this.size,
      chains.address,
      this.#chainCount,
      pairs.address,
    );
    this.#rotations = this.#chainCount = 0;
  }
}
