/** The names of the two ways in which trajectories are computed; free of TensorFlow.js, for configs. */

/** Names of paths: each trajectory by many steps of one kernel, or all together operation by operation. */
export const paths = ['fused', 'tensor-ops'] as const;
export type Path = (typeof paths)[number];
