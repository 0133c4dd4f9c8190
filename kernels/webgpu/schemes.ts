/** The schemes of the webgpu kernel: each kind has a file in schemes/. */
import { carried, type Method } from '../../src/method/method.js';
import { isOptimizer, type FlowSchemeKind, type Scheme } from '../../src/method/schemes.js';
import { chebyshev } from './schemes/chebyshev.wgsl.js';
import { gradientDescent } from './schemes/gradientDescent.wgsl.js';
import { rungeKutta } from './schemes/rungeKutta.wgsl.js';
import type { SchemeShader } from './schemes/scheme.js';

const shaders: { readonly [K in FlowSchemeKind]: SchemeShader<K> } = {
  'gradient-descent': gradientDescent,
  'runge-kutta': rungeKutta,
  chebyshev,
};

/** A scheme of the kernel. @throws Error if a method's is none */
function schemeOf({ scheme }: Method): Scheme<FlowSchemeKind> {
  if (isOptimizer(scheme)) throw new Error(`no scheme of this kernel: ${scheme.kind}`);
  return scheme;
}

const shaderOf = (method: Method) => shaders[schemeOf(method).kind] as SchemeShader<FlowSchemeKind>;

/** WGSL of a method's scheme. */
export const schemeText = (method: Method): string =>
  shaderOf(method).text(schemeOf(method), carried(method).includes('slope'));

/** Coefficients that the text of a method reads. */
export const schemeCoefficients = (method: Method): number[] =>
  shaderOf(method).coefficients(schemeOf(method));

/** State-sized vectors of a method, in their order: the state, the one tried, slopes, and what else it needs. */
export function slotsOf(method: Method): string[] {
  const slopes = Array.from({ length: method.scheme.slopes }, (_, i) => (i === 0 ? 'SLOPE' : `SLOPE${i}`));
  return ['STATE', 'NEXT', ...slopes, ...shaderOf(method).slots];
}

/** Slots that a trajectory carries from call to call, besides its state. */
export const carriedSlots = (method: Method): string[] => carried(method).map((slot) => slot.toUpperCase());
