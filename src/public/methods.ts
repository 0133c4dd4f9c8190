/** What methods are made of, for those that have no name: `methods` in the public surface. */
export {
  aboutMethod,
  methodFor,
  methodNames,
  type MethodName,
  type MethodOptions,
} from '../method/methods.js';
export { minibatches, type Minibatches, type Sampler } from '../method/minibatch.js';
export { flowUnder, type Method } from '../method/method.js';
export type { Control } from '../method/control.js';
export { schedule, type Schedule, type ScheduleName } from '../method/schedule.js';
export type { Scheme, SchemeKind, SchemeKinds } from '../method/schemes.js';
export type { SchemeFacts } from '../method/schemes/facts.js';
export { rungeKutta, type RungeKutta } from '../method/schemes/rungeKutta.js';
export {
  gradientDescent,
  type GradientDescent,
  type UpdateOrder,
} from '../method/schemes/gradientDescent.js';
export { momentum, type Momentum } from '../method/schemes/momentum.js';
export { adamw, type AdamW, type AdamWOptions } from '../method/schemes/adamw.js';
export { muon, type Muon } from '../method/schemes/muon.js';
export { chebyshev, type Chebyshev } from '../method/schemes/chebyshev.js';
export { tableau, type Tableau, type TableauCoefficients } from '../method/tableau.js';
export { tableaus } from '../method/tableaus.js';
