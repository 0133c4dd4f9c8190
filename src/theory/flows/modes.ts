/** What closed forms of aligned starts share: paths along single modes of E = diag(sigma), which move apart. */
import type { PerMode } from '../frobenius.js';

/** The path of one mode: p = c x y, the entry of s B A on it, from p(0) on. */
export interface ModePath {
  product(t: number): number;
  /** Exponential rate at which p settles; Infinity where it arrives in finite time, 0 where it is slower. */
  readonly rate: number;
}

/** Everything takes a time t in [0, Infinity]. */
export interface ModesPath {
  /** c x y of each mode, the diagonal of s B A, [modes]. */
  product(t: number): Float64Array;
  /** 1/2 sum (sigma - c x y)^2. */
  loss(t: number): number;
  /** The smallest rate of a mode that moves; 0 if none does. */
  readonly rate: number;
}

/** The path of all modes; null where one has none. */
export function modesPath(sigma: PerMode, modes: readonly (ModePath | null)[]): ModesPath | null {
  if (modes.includes(null)) return null;
  const paths = modes as readonly ModePath[];
  const moving = paths.filter((path) => path.product(Infinity) !== path.product(0));
  const product = (t: number) => Float64Array.from(paths, (path) => path.product(t));
  return {
    product,
    loss: (t) => product(t).reduce((sum, p, i) => sum + (sigma[i]! - p) ** 2 / 2, 0),
    rate: moving.reduce((least, { rate }) => Math.min(least, rate), moving.length > 0 ? Infinity : 0),
  };
}

/** A mode that stays where it is. */
export const still = (product: number): ModePath => ({ product: () => product, rate: 0 });
