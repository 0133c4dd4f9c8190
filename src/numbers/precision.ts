/** Formats of real numbers in which states are held and steps are taken. */
export const precisions = ['float32', 'float64'] as const;
export type Precision = (typeof precisions)[number];
