/** The checks of `verify` one by one, their cases and their words: `verification` in the public surface. */
export { checks, judge } from '../verify/verify.js';
export type { Allowed, Check, CheckContext, Curve, CurveSet, Finding, Measurement } from '../verify/check.js';
export { casesOf, randomCases, type Case } from '../verify/cases.js';
export type { CaseSize } from '../verify/sizes.js';
export type { HostLoss, LossDefinition } from '../verify/losses.js';
export { verificationSubject as subject, type VerificationSubject } from '../verify/subject.js';
export {
  verificationHtml as html,
  verificationJson as json,
  verificationTable as table,
} from '../report/verification.js';
export type { Evaluate, Evaluation, WithGrams } from '../../kernels/cpu/structures/structure.js';
export type { Field } from '../../kernels/cpu/field.js';
export type { Step64 } from '../../kernels/cpu/schemes/step.js';
export type { State64 } from '../../kernels/cpu/state.js';
