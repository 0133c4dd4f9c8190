/** How much of a GPU's memory the trajectories that advance together may take. */

/** Tensors of the size of the state that a step of a Runge-Kutta method of order 5 holds at once. */
const TENSORS = 12;
/** Bytes for all tensors of a step: what any GPU can spare, and far more than keeps one busy. */
const TOTAL_BYTES = 2 ** 30;
const BYTES = Float32Array.BYTES_PER_ELEMENT;

/** State elements that should advance together on a GPU of unknown limits. */
export const GPU_CHUNK_ELEMENTS = powerOfTwoBelow(TOTAL_BYTES / TENSORS / BYTES);

/** State elements that should advance together on a GPU where no tensor may be larger than `largestTensor` bytes. */
export const chunkElementsFor = (largestTensor: number): number =>
  Math.min(GPU_CHUNK_ELEMENTS, powerOfTwoBelow(largestTensor / BYTES));

function powerOfTwoBelow(x: number): number {
  return 2 ** Math.floor(Math.log2(x));
}
