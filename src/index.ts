/** The public surface of rankflow. */
export { InputError } from './host/inputError.js';
export { dense, type Dense } from './numbers/dense.js';
export type { BackendInfo, BackendReport } from './backend/backend.js';
export { listBackends } from './backend/useBackend.js';

export type { Problem } from './problem/problem.js';
export type { Structure, TensorLoss } from './problem/structure.js';
export { frobenius, frobeniusDense, frobeniusFromSpectrum } from './problem/frobenius.js';
export { trace, traceSquared } from './problem/traceSquared.js';
export { linearRegression } from './problem/linearRegression.js';
export { customProblem } from './input/customLoss.js';
export { randomFrame, spectralFrame, type Frame } from './problem/frame.js';
export { listedSpectrum, namedSpectrum } from './problem/spectrum.js';
export { closedForm, type ClosedForm } from './problem/closedForm.js';

export { clock, fromFactors, toFactors, type Adapter, type Coefficients } from './ensemble/adapter.js';
export { intoFrame, outOfFrame, type Factors } from './problem/factors.js';
export { fromAdapters, initialization, pissaStart, type Initialization } from './ensemble/initialization.js';
export { scaleOf, type Scaling } from './ensemble/scaling.js';

export { method, methodNames, type MethodName, type MethodOptions } from './method/methods.js';
export type { Method } from './method/method.js';
export type { Control } from './method/control.js';
export type { Scheme } from './method/schemes.js';
export { rungeKutta, type RungeKutta } from './method/schemes/rungeKutta.js';
export { gradientDescent, type GradientDescent, type UpdateOrder } from './method/schemes/gradientDescent.js';
export { chebyshev, type Chebyshev } from './method/schemes/chebyshev.js';
export { tableau, type Tableau, type TableauCoefficients } from './method/tableau.js';
export { tableaus } from './method/tableaus.js';
export { outcomes, type Outcome } from './method/outcome.js';
export { ensemble, type Ensemble, type EnsembleOptions } from './ensemble/ensemble.js';
export { member, memberAt, type Member } from './ensemble/member.js';
export { openDevice, type ChunkRule, type Device, type DeviceOptions } from './solver/device.js';
export { solve, type SolveOptions } from './solver/solve.js';
export type { Solution, Solved } from './solver/solution.js';
export type { Trajectory } from './solver/chunk.js';
export { wayOf, type PathChoice, type Way } from './solver/path.js';
export type { Path } from './solver/paths.js';
export type { Pool } from './solver/pool.js';
export type { StopRule } from './method/track.js';
export type { Detail, Observation, SavePoint } from './solver/observe.js';

export { sweep, type SweepWatch } from './run/sweep.js';
export { makePlan, type Cell, type Plan } from './sweep/plan.js';
export { theoryRows, type TheoryRow } from './sweep/theory.js';
export { simulation, type SimulationWatch } from './run/simulation.js';
export type { SimulationConfig, SimulationInput } from './simulation/config.js';
export type { Simulation } from './simulation/simulate.js';
export { sweepSchema, type SweepConfig, type SweepInput } from './sweep/config.js';
export type { Stationarity } from './sweep/stationarity.js';
export type { CellSummary } from './sweep/summary.js';
export type { Statistic } from './numbers/statistics.js';

export { checks, judge, verify, type Verification, type VerifyWatch } from './verify/verify.js';
export type { VerifyConfig, VerifyInput } from './verify/config.js';
export type { Allowed, Check, CheckContext, Curve, CurveSet, Finding, Measurement } from './verify/check.js';
export { casesOf, randomCases, type Case } from './verify/cases.js';
export type { CaseSize } from './verify/sizes.js';
export { verificationHtml, verificationJson, verificationTable } from './report/verification.js';
export type { LossDefinition } from './verify/losses.js';
export { verificationSubject, type VerificationSubject } from './verify/subject.js';

export { readMatrix } from './files/matrix.js';
export { readSafetensors } from './files/safetensors.js';
export { writeSafetensors } from './files/writeSafetensors.js';

export {
  alignedPath,
  eckartYoungMirsky,
  frobeniusFullUpdate,
  isSaddle,
  saddleEscapeRate,
} from './theory/frobenius.js';
export { balancedPath } from './theory/balanced.js';
export {
  gaussianGapSquared,
  spectralGap,
  traceSquaredFinalUpdate,
  traceSquaredPath,
} from './theory/traceSquared.js';
export { regressionFullPath, regressionOptima } from './theory/linearRegression.js';
