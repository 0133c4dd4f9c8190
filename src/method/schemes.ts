/** The schemes, by their kind. Each side that takes their steps has a lookup of the same keys. */
import type { AdamW } from './schemes/adamw.js';
import type { Chebyshev } from './schemes/chebyshev.js';
import type { GradientDescent } from './schemes/gradientDescent.js';
import type { Momentum } from './schemes/momentum.js';
import type { Muon } from './schemes/muon.js';
import type { RungeKutta } from './schemes/rungeKutta.js';

export interface SchemeKinds {
  readonly 'gradient-descent': GradientDescent;
  readonly 'runge-kutta': RungeKutta;
  readonly chebyshev: Chebyshev;
  readonly momentum: Momentum;
  readonly adamw: AdamW;
  readonly muon: Muon;
}

export type SchemeKind = keyof SchemeKinds;

/** Schemes that move factors by gradients in a way of their own, with a memory, and not along a flow. */
export type OptimizerKind = 'momentum' | 'adamw' | 'muon';

/** Schemes whose steps are along a flow. */
export type FlowSchemeKind = Exclude<SchemeKind, OptimizerKind>;

export type Scheme<K extends SchemeKind = SchemeKind> = {
  [P in K]: SchemeKinds[P] & { readonly kind: P };
}[K];

export const isOptimizer = (scheme: Scheme): scheme is Scheme<OptimizerKind> => scheme.memory > 0;
