/** Array that the readers of files give, of any number of dimensions, entries in row-major order. */
export interface HostArray {
  readonly shape: readonly number[];
  readonly data: Float64Array<ArrayBuffer>;
}
