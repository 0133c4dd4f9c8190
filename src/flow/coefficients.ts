/** The scale of an adapter and its learning-rate ratios: all that a flow of B and A knows beside the loss. */

/** The scale s of W = W0 + s B A and the learning-rate ratios of A and B (LoRA+: kB / kA > 1; 0: that factor is frozen). */
export interface Coefficients {
  readonly scale: number;
  readonly lrRatioA: number;
  readonly lrRatioB: number;
}
