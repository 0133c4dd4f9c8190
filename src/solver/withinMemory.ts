/** Chunks that are too large for the memory of their device, solved in parts: results do not depend on chunks. */
import type { Chunk, Trajectory } from './chunk.js';

/**
 * What TensorFlow (status RESOURCE_EXHAUSTED is 8), WebGPU, WebAssembly, JavaScript and kernels (OutOfMemoryError) say
 * when memory is refused them. Words, for the class of an error is lost on its way from another thread.
 */
const refusals =
  /TF_Status: 8\b|RESOURCE_EXHAUSTED|OOM when allocating|out of memory|array buffer allocation failed|invalid typed array length|memory\.grow/i;

export const isOutOfMemory = (error: unknown): boolean =>
  error instanceof Error && refusals.test(error.message);

/**
 * Solves chunks as `solve` does, but in halves, and those in halves again, where it finds no memory for all of them
 * together; what did not fit once is not tried again.
 * @throws what `solve` throws, of a single trajectory also that there is no memory for it
 */
export function withinMemory(
  solve: (chunk: Chunk) => Promise<Iterable<Trajectory>>,
): (chunk: Chunk) => Promise<Iterable<Trajectory>> {
  /** Columns of all trajectories together that were too many. */
  let tooMany = Infinity;
  return async function fitted(chunk): Promise<Iterable<Trajectory>> {
    const { starts, width } = chunk;
    const halves = async () => {
      const half = Math.ceil(starts.length / 2);
      const first = await fitted({ ...chunk, starts: starts.slice(0, half) });
      return [...first, ...(await fitted({ ...chunk, starts: starts.slice(half) }))];
    };
    if (starts.length > 1 && starts.length * width >= tooMany) return halves();
    try {
      return await solve(chunk);
    } catch (error) {
      if (starts.length === 1 || !isOutOfMemory(error)) throw error;
      tooMany = Math.min(tooMany, starts.length * width);
    }
    return halves();
  };
}
