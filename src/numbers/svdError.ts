/** A factorization that cannot be made, or that failed its check: nothing was returned. */
export class SvdError extends Error {
  override readonly name = 'SvdError';
}
