/**
 * The words of a structure on webgpu: what each of the files beside this one says of its kind. Its text has a function
 * `descent(source, to, start, end)` that reads the factors in slot `source` and writes -G Y of X and -G^T X of Y, of
 * rows start to end, to slot `to`, less their decay where there is one. It begins with a barrier, for a thread reads rows
 * of others; what it writes are its own.
 */
import type { Layout } from '../layout.js';

export interface StructureShader<S> {
  /**
   * WGSL of the descent.
   * @param decays whether factors decay: X by table[DECAY], Y by table[DECAY + 1u]
   */
  text(layout: Layout, decays: boolean): string;
  /** Numbers that the text reads from the table, which begins with them. */
  table(structure: S, layout: Layout): number[];
  /** Largest rate of the linearized flow at W0: slopes are at that scale, and their squares must not underflow. */
  scale(structure: S): number;
}
