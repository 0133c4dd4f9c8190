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
  decayPath,
  imbalanceLeft,
  softThreshold,
  type DecayInput,
  type SoftThreshold,
} from '../theory/flows/decay.js';
export {
  frozenPath,
  randomSubspaceError,
  type FrozenInput,
  type FrozenPath,
} from '../theory/flows/frozen.js';
export type { ModesPath } from '../theory/flows/modes.js';
export {
  preconditionedPath,
  preconditionedRate,
  type PreconditionedInput,
  type PreconditionedRateInput,
} from '../theory/flows/preconditioned.js';
export { spectralFlowPath, type SpectralFlowInput, type SpectralFlowPath } from '../theory/flows/spectral.js';
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
