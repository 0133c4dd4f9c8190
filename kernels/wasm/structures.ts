/** The structures that the wasm kernel computes: each kind has a file here in structures/, and one in assembly/structures. */
import type { HostStructure, StructureOf } from '../../src/problem/structure.js';
import type { StateLayout } from './layout.js';
import { diagonal } from './structures/diagonal.js';
import { quadratic } from './structures/quadratic.js';
import type { StructureTable, TableOf } from './structures/structure.js';
import { trace } from './structures/trace.js';

const tables: { readonly [Kind in HostStructure['kind']]: TableOf<StructureOf<Kind>> } = {
  diagonal,
  quadratic,
  trace,
};

/** Kinds of structures, in the order of their codes. */
export const kinds = Object.keys(tables) as HostStructure['kind'][];

/** What the kernel reads of a structure. */
export const structureTable = (structure: HostStructure, layout: StateLayout): StructureTable =>
  (tables[structure.kind] as TableOf<HostStructure>)(structure, layout);
