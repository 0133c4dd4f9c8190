/** WGSL of the loop over a thread's own part of the state. */

/** Runs a text on every vector of four that belongs to the thread. */
export const each = (text: string): string =>
  `for (var row = lane; row < ROWS; row += THREADS) {
    for (var quad = row * QUADS; quad < (row + 1u) * QUADS; quad++) {
      ${text}
    }
  }`;
