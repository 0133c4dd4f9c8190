/** The schemes, by their kind. Each side that takes their steps has a lookup of the same keys. */
import type { Chebyshev } from './schemes/chebyshev.js';
import type { GradientDescent } from './schemes/gradientDescent.js';
import type { RungeKutta } from './schemes/rungeKutta.js';

export interface SchemeKinds {
  readonly 'gradient-descent': GradientDescent;
  readonly 'runge-kutta': RungeKutta;
  readonly chebyshev: Chebyshev;
}

export type SchemeKind = keyof SchemeKinds;

export type Scheme<K extends SchemeKind = SchemeKind> = {
  [P in K]: SchemeKinds[P] & { readonly kind: P };
}[K];
