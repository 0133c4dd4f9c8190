/** Every claim that is reproduced, in the order in which they are read. */
import type { Claim } from './claim.js';
import { flowClaims } from './claims/flow.js';
import { noiseClaims } from './claims/noise.js';
import { optimumClaims } from './claims/optima.js';
import { otherFlowClaims } from './claims/otherFlows.js';
import { pathClaims } from './claims/paths.js';
import { traceSquaredClaims } from './claims/traceSquared.js';

export const claims: readonly Claim[] = [
  ...flowClaims,
  ...traceSquaredClaims,
  ...optimumClaims,
  ...pathClaims,
  ...otherFlowClaims,
  ...noiseClaims,
];
