/** The Euclidean norm of numbers of any size. */

/** |v|, also where squares would overflow or underflow. */
export function norm(v: Float64Array): number {
  const largest = v.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return largest === 0 ? 0 : largest * Math.sqrt(v.reduce((sum, value) => sum + (value / largest) ** 2, 0));
}
