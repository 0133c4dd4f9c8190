/** How adapters start, and the members that start so: `initializations` in the public surface. */
export {
  customInitialization as custom,
  fromAdapters,
  initialization as named,
  pissaStart,
  type DrawContext,
  type DrawSize,
  type Initialization,
  type NormalEntries,
  type Squares,
} from '../ensemble/initialization.js';
export { scaleOf, scalings, type Scaling } from '../ensemble/scaling.js';
export { fromFactors, toFactors, type Adapter } from '../ensemble/adapter.js';
export type { Coefficients } from '../flow/coefficients.js';
export { clock } from '../flow/normalization.js';
export { member, memberAt, type Member, type MemberLaw } from '../ensemble/member.js';
export type { Drawn } from '../ensemble/drawn.js';
export type { StreamName, TrialKey } from '../numbers/philox.js';
