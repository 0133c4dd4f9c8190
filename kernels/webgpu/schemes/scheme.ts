/**
 * The words of a scheme on webgpu: what each of the files beside this one says of its kind. Its text has `begin()`,
 * which evaluates what a trajectory starts with, `attempt(step)`, which tries a step from slot STATE to slot NEXT and
 * leaves squared norms in `sums`, and `accept(step)`, which takes it. The steps are those of the twin
 * (kernels/cpu/schemes); threads touch their own rows only, but for the derivative.
 */
import type { FlowSchemeKind, Scheme } from '../../../src/method/schemes.js';

export interface SchemeShader<K extends FlowSchemeKind> {
  /**
   * WGSL of the scheme.
   * @param carries whether the slope at the state is carried from step to step: under a control by error
   */
  text(scheme: Scheme<K>, carries: boolean): string;
  /** Coefficients that the text reads from the table, from METHOD on. */
  coefficients(scheme: Scheme<K>): number[];
  /** State-sized vectors beside the state, the one tried and the slopes. */
  readonly slots: readonly string[];
}
