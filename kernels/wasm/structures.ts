/**
 * The structures that the wasm kernel computes: each kind has a file here in structures/, and one in
 * assembly/structures.
 */
import type { HostStructure, StructureOf } from '../../src/problem/structure.js';
import type { StateLayout } from './layout.js';
import { diagonal } from './structures/diagonal.js';
import { quadratic } from './structures/quadratic.js';
import type { StructureTable, TableOf } from './structures/structure.js';
import { trace } from './structures/trace.js';

const tables = { diagonal, quadratic, trace } satisfies {
  readonly [Kind in HostStructure['kind']]?: TableOf<StructureOf<Kind>>;
};

/** Kinds of structures that the kernel computes, in the order of their codes. */
export const kinds = Object.keys(tables) as HostStructure['kind'][];

/**
 * What the kernel reads of a structure.
 * @throws Error if its kind is none of `kinds`
 */
export function structureTable(structure: HostStructure, layout: StateLayout): StructureTable {
  const table = (tables as Partial<Record<HostStructure['kind'], unknown>>)[structure.kind];
  if (!table) throw new Error(`no fused kernel on wasm for the ${structure.kind} structure`);
  return (table as TableOf<HostStructure>)(structure, layout);
}
