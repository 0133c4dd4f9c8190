/** Random choices of a fuzzer: those of one input depend on the seed and the input's number alone. */
import { philox4x32 } from '../../src/numbers/philox.js';

export interface Dice {
  /** A whole number from 0 to `below` - 1; 0 if that is less than 1. */
  below(below: number): number;
  /** True one time in `times`. */
  oneIn(times: number): boolean;
  pick<T>(list: ArrayLike<T>): T;
}

export function dice(seed: number, number: number): Dice {
  let block = 0;
  let words: number[] = [];
  const below = (limit: number) => {
    if (words.length === 0) words = philox4x32([block++, 0, number, 0], [seed, 0]);
    return Math.floor((words.pop()! / 2 ** 32) * limit);
  };
  return { below, oneIn: (times) => below(times) === 0, pick: (list) => list[below(list.length)]! };
}
