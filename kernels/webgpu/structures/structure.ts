/**
 * The words of a structure on webgpu: what each of the files beside this one says of its kind. Its text has a function
 * `descent(source, to, start, end)` that reads the factors in slot `source` and writes -G Y of X and -G^T X of Y, of
 * rows start to end, to slot `to`. It begins with a barrier, for a thread reads rows of others; what it writes are its
 * own.
 */
import type { Layout } from '../layout.js';

export interface StructureShader<S> {
  /** WGSL of the descent. */
  text(layout: Layout): string;
  /** Numbers that the text reads from the table, which begins with them. */
  table(structure: S, layout: Layout): number[];
  /** Largest rate of the linearized flow at W0: slopes are at that scale, and their squares must not underflow. */
  scale(structure: S): number;
}
