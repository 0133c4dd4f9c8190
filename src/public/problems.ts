/** Losses on a matrix, their frames and closed-form paths: `problems` in the public surface. */
export { frobenius, frobeniusDense, frobeniusFromSpectrum } from '../problem/frobenius.js';
export { traceSquared } from '../problem/traceSquared.js';
export { kroneckerQuadratic } from '../problem/kronecker.js';
export { expansion, type Expansion } from '../problem/expansion.js';
export type { LowRank, Operator } from '../numbers/operator.js';
export { linearRegression, onSamples } from '../problem/linearRegression.js';
export { addNoise, type TargetDraw } from '../problem/noise.js';
export { riskAt, riskOf, type Risk } from '../problem/risk.js';
export { fromSamples, samplesOf, type SampleLaw } from '../problem/samples.js';
export { customProblem as custom } from '../input/customLoss.js';
export { randomFrame, spectralFrame, type Frame } from '../problem/frame.js';
export { listedSpectrum, namedSpectrum } from '../problem/spectrum.js';
export { intoFrame, outOfFrame } from '../problem/factors.js';
export { closedForm, type ClosedForm } from '../problem/closedForm.js';
export type { Problem } from '../problem/problem.js';
export type { DrawLaw, DrawnStart, Law, Loss, Setting, Spans } from '../problem/loss.js';
export type { Measured, Metric, MetricName } from '../problem/metric.js';
export type { Saddle } from '../problem/nearestSaddles.js';
export { flow, gradientFlow, symmetriesOf, type Decay, type Flow } from '../flow/flow.js';
export { flowRules, type FlowRule, type Symmetries } from '../flow/rules.js';
export { isGradientMotion, motionOf, type Motion, type OfBoth } from '../flow/motion.js';
export type {
  AutodiffStructure,
  DiagonalStructure,
  ExpansionStructure,
  HostStructure,
  KroneckerStructure,
  QuadraticStructure,
  SamplesStructure,
  TraceStructure,
  Structure,
  TensorLoss,
} from '../problem/structure.js';
export type { Factors } from '../problem/factors.js';
