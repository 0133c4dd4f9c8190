/**
 * The float64 twin of the LoRA flow: the loss and the descent of one trajectory at normalized factors
 * (src/method/system.ts), in plain loops. Every number that is reported of a built-in loss is computed here, in
 * float64, from the state that the device holds. Each kind of structure has a file in structures/.
 */
import type { HostStructure, Structure, StructureOf } from '../../src/problem/structure.js';
import { diagonal } from './structures/diagonal.js';
import { expansion } from './structures/expansion.js';
import { kronecker } from './structures/kronecker.js';
import { quadratic } from './structures/quadratic.js';
import { samples } from './structures/samples.js';
import type { Evaluate, LossAt, StructureTwin } from './structures/structure.js';
import { trace } from './structures/trace.js';

/** The twin of every kind that the host can evaluate. */
const twins: { readonly [Kind in HostStructure['kind']]: StructureTwin<StructureOf<Kind>> } = {
  diagonal,
  quadratic,
  samples,
  kronecker,
  expansion,
  trace,
};

/** Kinds of structures that the host can evaluate. */
export const hostKinds = Object.keys(twins) as HostStructure['kind'][];

export const isHostStructure = (structure: Structure): structure is HostStructure =>
  Object.hasOwn(twins, structure.kind);

const twinOf = ({ kind }: HostStructure) => twins[kind] as StructureTwin<HostStructure>;

/** Prepares the evaluation of a structure: what does not depend on the state is computed once. */
export const evaluator = (structure: HostStructure): Evaluate => twinOf(structure).evaluator(structure);

/** Prepares the evaluation of the loss of a structure alone. */
export const lossOf = (structure: HostStructure): LossAt => twinOf(structure).lossOf(structure);

/** Whether the loss of a structure above its optimum is evaluated without cancellation. */
export const resolvesExcess = (structure: Structure): boolean =>
  isHostStructure(structure) && twinOf(structure).resolvesExcess;
