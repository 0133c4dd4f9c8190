/** The structures that the webgpu kernel computes: each kind has a file in structures/. */
import type { Structure, StructureOf } from '../../src/problem/structure.js';
import { diagonal } from './structures/diagonal.wgsl.js';
import type { StructureShader } from './structures/structure.js';
import { trace } from './structures/trace.wgsl.js';

const shaders = { diagonal, trace } satisfies {
  readonly [Kind in Structure['kind']]?: StructureShader<StructureOf<Kind>>;
};

/** Kinds of structures that the kernel computes. */
export const kinds = Object.keys(shaders) as (keyof typeof shaders)[];

/**
 * The shader of a structure.
 * @throws Error if its kind is none of `kinds`
 */
export function shaderOf(structure: Structure): StructureShader<Structure> {
  const shader = (shaders as Partial<Record<Structure['kind'], unknown>>)[structure.kind];
  if (!shader) throw new Error(`no fused kernel on webgpu for the ${structure.kind} structure`);
  return shader as StructureShader<Structure>;
}
