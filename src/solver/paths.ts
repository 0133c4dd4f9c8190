/** The names of the ways in which trajectories are computed; free of TensorFlow.js, for configs. */

/**
 * Names of paths: each trajectory by many steps of one kernel, all together operation by operation, or each so in the
 * Krylov space of its start.
 */
export const paths = ['fused', 'tensor-ops', 'krylov'] as const;
export type Path = (typeof paths)[number];
