/** The try of a step of every scheme in tensor operations. */
import type { Scheme, SchemeKind } from '../../src/method/schemes.js';
import type { System } from '../../src/method/system.js';
import { adamw } from './schemes/adamw.js';
import { chebyshev } from './schemes/chebyshev.js';
import { gradientDescent } from './schemes/gradientDescent.js';
import { momentum } from './schemes/momentum.js';
import { muon } from './schemes/muon.js';
import { rungeKutta } from './schemes/rungeKutta.js';
import type { Place, Sizes, Step } from './schemes/step.js';

const attempts: {
  readonly [K in SchemeKind]: (system: System, scheme: Scheme<K>, place: Place, sizes: Sizes) => Step;
} = { 'gradient-descent': gradientDescent, 'runge-kutta': rungeKutta, chebyshev, momentum, adamw, muon };

/** A step of a scheme from a place. Call inside tf.tidy. */
export const attempt = <K extends SchemeKind>(
  system: System,
  scheme: Scheme<K>,
  place: Place,
  sizes: Sizes,
): Step => attempts[scheme.kind](system, scheme, place, sizes);
