/**
 * Checks that what is simulated follows the closed forms: paths, ends, rates and laws, on random problems whose
 * decomposition is known beforehand. The closed forms are reached through the subject alone.
 */
import type { Check } from '../check.js';
import { alignedChecks } from './closedForms/aligned.js';
import { balancedChecks } from './closedForms/balanced.js';
import { frobeniusChecks } from './closedForms/frobenius.js';
import { kroneckerChecks } from './closedForms/kronecker.js';
import { regressionChecks } from './closedForms/linearRegression.js';
import { rankLawChecks } from './closedForms/rankLaw.js';
import { riskChecks } from './closedForms/risk.js';
import { riccatiChecks } from './closedForms/riccati.js';
import { traceSquaredChecks } from './closedForms/traceSquared.js';

export const closedFormChecks: readonly Check[] = [
  ...riccatiChecks,
  ...traceSquaredChecks,
  ...rankLawChecks,
  ...frobeniusChecks,
  ...alignedChecks,
  ...balancedChecks,
  ...riskChecks,
  ...regressionChecks,
  ...kroneckerChecks,
];
