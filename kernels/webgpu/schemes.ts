/** The schemes of the webgpu kernel: each kind has a file in schemes/. */
import { carried, type Method } from '../../src/method/method.js';
import type { SchemeKind } from '../../src/method/schemes.js';
import { chebyshev } from './schemes/chebyshev.wgsl.js';
import { gradientDescent } from './schemes/gradientDescent.wgsl.js';
import { rungeKutta } from './schemes/rungeKutta.wgsl.js';
import type { SchemeShader } from './schemes/scheme.js';

const shaders: { readonly [K in SchemeKind]: SchemeShader<K> } = {
  'gradient-descent': gradientDescent,
  'runge-kutta': rungeKutta,
  chebyshev,
};

const shaderOf = ({ scheme }: Method) => shaders[scheme.kind] as SchemeShader<SchemeKind>;

/** WGSL of a method's scheme. */
export const schemeText = (method: Method): string =>
  shaderOf(method).text(method.scheme, carried(method).includes('slope'));

/** Coefficients that the text of a method reads. */
export const schemeCoefficients = (method: Method): number[] => shaderOf(method).coefficients(method.scheme);

/** State-sized vectors of a method, in their order: the state, the one tried, slopes, and what else it needs. */
export function slotsOf(method: Method): string[] {
  const slopes = Array.from({ length: method.scheme.slopes }, (_, i) => (i === 0 ? 'SLOPE' : `SLOPE${i}`));
  return ['STATE', 'NEXT', ...slopes, ...shaderOf(method).slots];
}

/** Slots that a trajectory carries from call to call, besides its state. */
export const carriedSlots = (method: Method): string[] => carried(method).map((slot) => slot.toUpperCase());
