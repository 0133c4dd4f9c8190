/** How adapters start, and the members that start so: `initializations` in the public surface. */
export {
  customInitialization as custom,
  fromAdapters,
  initialization as named,
  type DrawContext,
  type DrawSize,
  type Initialization,
  type NormalEntries,
  type Squares,
} from '../ensemble/initialization.js';
export {
  computedStart as computed,
  descentOf,
  type ComputedStart,
  type StartMatrices,
  type StartMatter,
  type StartTraits,
} from '../ensemble/computedStart.js';
export { pissaStart } from '../ensemble/computedStarts/pissa.js';
export { scaleOf, scalings, type Scaling } from '../ensemble/scaling.js';
export { fromFactors, residualOf, toFactors, type Adapter } from '../ensemble/adapter.js';
export type { Coefficients } from '../flow/coefficients.js';
export { clock } from '../flow/normalization.js';
export { member, memberAt, type Member, type MemberLaw } from '../ensemble/member.js';
export type { Drawn, DrawnLaw } from '../ensemble/drawn.js';
export type { StreamName, TrialKey } from '../numbers/philox.js';
