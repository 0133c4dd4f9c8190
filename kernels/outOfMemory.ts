/**
 * What a kernel throws where its device has no memory for a batch, which may then be solved in parts
 * (src/solver/withinMemory.ts).
 */
export class OutOfMemoryError extends Error {
  override readonly name = 'OutOfMemoryError';

  /** @param what there is no memory for; the message begins with words that outlive the way from another thread. */
  constructor(what: string) {
    super(`out of memory: ${what}`);
  }
}
