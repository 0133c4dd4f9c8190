/**
 * The Marchenko-Pastur law: the squared singular values of Z [n, m] with independent entries N(0, 1/m), beta = n/m, as
 * n and m grow, without the zeros that a tall Z has. Written in the angle phi from the upper edge,
 * x = 1 + beta + 2 sqrt(beta) cos(phi), which takes the square roots off both edges.
 */

/** Largest singular value of Z in the limit, 1 + sqrt(beta). */
export const marchenkoPasturEdge = (beta: number): number => 1 + Math.sqrt(beta);

/** Share of the singular values that lie above those of an angle phi in [0, pi]: the density's integral from 0 to phi. */
function shareAbove(phi: number, beta: number): number {
  const root = Math.sqrt(beta);
  const gap = Math.abs(1 - beta);
  const slope = Math.abs(1 - root) / (1 + root);
  const area =
    ((1 + beta) * phi) / (4 * beta) -
    Math.sin(phi) / (2 * root) -
    (gap / (2 * beta)) * Math.atan2(slope * Math.sin(phi / 2), Math.cos(phi / 2));
  return ((2 / Math.PI) * area) / Math.min(1, 1 / beta);
}

/**
 * The singular value of Z (not its square) above which a share `above` of the min(n, m) singular values lies, by
 * bisection of the distribution's closed form to the last bit; 1 + sqrt(beta) at 0, |1 - sqrt(beta)| at 1.
 * Marchenko & Pastur 1967, Math. USSR Sbornik 1, 457.
 *
 * @param beta n/m > 0
 * @param above in [0, 1]
 * @throws Error when either is out of its range
 */
export function marchenkoPasturQuantile(beta: number, above: number): number {
  if (!(beta > 0 && Number.isFinite(beta))) throw new Error(`invalid beta: ${beta}`);
  if (!(above >= 0 && above <= 1)) throw new Error(`invalid share: ${above}`);
  let [low, high] = [0, Math.PI];
  for (let middle = Math.PI / 2; low < middle && middle < high; middle = (low + high) / 2) {
    if (shareAbove(middle, beta) < above) low = middle;
    else high = middle;
  }
  const phi = above === 1 ? Math.PI : above === 0 ? 0 : high;
  // 1 + beta + 2 sqrt(beta) cos(phi), without cancellation where beta is near 1 and phi near pi.
  return Math.hypot(1 - Math.sqrt(beta), 2 * beta ** 0.25 * Math.cos(phi / 2));
}
