/**
 * Subject of verification, in one place: checks reach it only through their context, so that anything can stand in its
 * place.
 */
import { evaluator } from '../../kernels/cpu/evaluate.js';
import { gradientDescentStep } from '../../kernels/cpu/schemes/gradientDescent.js';
import { rungeKuttaStep } from '../../kernels/cpu/schemes/rungeKutta.js';
import { twin } from '../../kernels/cpu/twin.js';
import { fullFineTuningSystem } from '../../kernels/tensorOps/fullFineTuningSystem.js';
import { loraSystem } from '../../kernels/tensorOps/loraSystem.js';
import { matMul } from '../../kernels/tensorOps/matMul.js';
import { fromFactors, toFactors } from '../ensemble/adapter.js';
import { chebyshevStages } from '../method/schemes/chebyshev.js';
import { tableaus } from '../method/tableaus.js';
import { motionOf } from '../flow/motion.js';
import type { Ensemble } from '../ensemble/ensemble.js';
import type { Solution } from '../solver/solution.js';
import { solve, type SolveOptions } from '../solver/solve.js';
import { balancedPath } from '../theory/balanced.js';
import {
  alignedPath,
  eckartYoungMirsky,
  frobeniusFullLoss,
  frobeniusFullUpdate,
  isSaddle,
  saddleEscapeRate,
} from '../theory/frobenius.js';
import { decayPath, imbalanceLeft, softThreshold } from '../theory/flows/decay.js';
import { frozenPath, randomSubspaceError } from '../theory/flows/frozen.js';
import { preconditionedPath, preconditionedRate } from '../theory/flows/preconditioned.js';
import { spectralFlowPath } from '../theory/flows/spectral.js';
import { kroneckerForms } from '../theory/kronecker.js';
import { regressionFullPath, regressionOptima } from '../theory/linearRegression.js';
import { riccati } from '../theory/riccati.js';
import {
  gaussianGapSquared,
  spectralGap,
  traceSquaredFinalUpdate,
  traceSquaredFullTrace,
  traceSquaredPath,
} from '../theory/traceSquared.js';

export const verificationSubject = {
  /** The hand-derived flows on the backend, and the matrix products that they are made of. */
  loraSystem,
  matMul,
  fullFineTuningSystem,
  /** Hand-derived flows in float64 on the host. */
  evaluator,
  /** Between adapters and the normalized factors that flows are computed in. */
  toFactors,
  fromFactors,
  /** How they move. */
  motionOf,
  /** Steps of the methods in float64, and their coefficients. */
  gradientDescentStep,
  rungeKuttaStep,
  tableaus,
  chebyshevStages,
  /** Whole trajectories in float64. */
  twin,
  /** The simulator on the backend. */
  solve: (ensemble: Ensemble, options: SolveOptions): Solution => solve(ensemble, options),
  /** The closed forms, in float64 on the host. */
  theory: {
    kroneckerForms,
    riccati,
    traceSquaredPath,
    traceSquaredFullTrace,
    traceSquaredFinalUpdate,
    spectralGap,
    gaussianGapSquared,
    eckartYoungMirsky,
    frobeniusFullUpdate,
    frobeniusFullLoss,
    alignedPath,
    isSaddle,
    saddleEscapeRate,
    balancedPath,
    regressionOptima,
    regressionFullPath,
    decayPath,
    softThreshold,
    imbalanceLeft,
    frozenPath,
    randomSubspaceError,
    preconditionedPath,
    preconditionedRate,
    spectralFlowPath,
  },
};

export type VerificationSubject = Readonly<typeof verificationSubject>;
