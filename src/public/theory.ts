/** The closed forms, in float64 on the host: `theory` in the public surface. */
export {
  alignedPath,
  eckartYoungMirsky,
  frobeniusFullUpdate,
  isSaddle,
  saddleEscapeRate,
  type AlignedInput,
  type AlignedPath,
  type PerMode,
  type SaddleInput,
} from '../theory/frobenius.js';
export type { Coupling } from '../theory/coupling.js';
export { balancedPath, type BalancedInput, type BalancedPath } from '../theory/balanced.js';
export {
  gaussianGapSquared,
  spectralGap,
  traceSquaredFinalUpdate,
  traceSquaredPath,
  type TraceSquaredInput,
  type TraceSquaredPath,
} from '../theory/traceSquared.js';
export {
  regressionFullPath,
  regressionOptima,
  type RegressionFullPath,
  type RegressionInput,
  type RegressionOptimum,
} from '../theory/linearRegression.js';
export {
  kroneckerForms,
  type KroneckerForms,
  type KroneckerInput,
  type KroneckerOptimum,
} from '../theory/kronecker.js';
export { marchenkoPasturQuantile } from '../theory/marchenkoPastur.js';
export { spikedModel, type Spike, type SpikedInput, type SpikedModel } from '../theory/spiked.js';
export {
  noisyFullFineTuning,
  type NoisyFullFineTuning,
  type NoisyFullFineTuningInput,
} from '../theory/noisyFullFineTuning.js';
