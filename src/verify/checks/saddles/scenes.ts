/** Scenes of saddles: random spectra, with the singular directions that an adapter sits on, and cases made of them. */
import type { Adapter } from '../../../ensemble/adapter.js';
import type { Coefficients } from '../../../flow/coefficients.js';
import { clock } from '../../../flow/normalization.js';
import { dense, type Dense } from '../../../numbers/dense.js';
import { frobeniusFromSpectrum, frobeniusLoss } from '../../../problem/frobenius.js';
import { Draws, type Case } from '../../cases.js';
import type { CheckContext } from '../../check.js';
import { definitionOf } from '../../losses.js';
import type { CaseSize } from '../../sizes.js';

const counts: Record<CaseSize, number> = { small: 3, paper: 8, large: 12 };

/** A spectrum and the modes that columns of an adapter sit on: not the leading ones. */
export interface Scene {
  readonly n: number;
  readonly m: number;
  /** [min(n, m)], about evenly spaced: saddles are left at rates of the size of the gaps. */
  readonly sigma: Float64Array;
  /** The mode of each column [r]. */
  readonly modes: readonly number[];
  readonly coefficients: Coefficients;
  readonly draws: Draws;
}

/** Normalized entries (x, y) of a column on its mode. */
export type Entries = readonly [x: number, y: number];

export function scenes({ seed, size }: CheckContext): Scene[] {
  return Array.from({ length: counts[size] }, (_, index) => drawScene(new Draws(seed, 'saddle', index)));
}

function drawScene(draws: Draws): Scene {
  const count = draws.integer(3, 5);
  const [taller, wider] = [draws.integer(0, 2), draws.integer(0, 2)];
  const sigma = Float64Array.from({ length: count }, (_, i) =>
    Math.fround((count - i + 0.2 * (draws.uniform() - 0.5)) / count),
  );
  return {
    n: count + taller,
    m: count + (taller > 0 ? 0 : wider),
    sigma,
    modes: otherModes(count, draws),
    coefficients: draws.coefficients(),
    draws,
  };
}

/** Some of `count` modes, but not all and not the leading ones, in any order. */
function otherModes(count: number, draws: Draws): number[] {
  const rank = draws.integer(1, count - 1);
  const shuffled = Array.from({ length: count }, (_, mode) => ({ mode, key: draws.uniform() }))
    .sort((a, b) => a.key - b.key)
    .map(({ mode }) => mode);
  const modes = shuffled.slice(0, rank);
  const last = shuffled[rank]!;
  return Math.max(...modes) < rank ? [...modes.slice(1), last] : modes;
}

/** An adapter with the given entries and, everywhere else, Gaussian noise. */
export function adapterWith(
  { n, m, modes, coefficients, draws }: Scene,
  columns: readonly Entries[],
  noise: number,
): Adapter {
  const rank = modes.length;
  const { lrRatioA, lrRatioB } = coefficients;
  const c = clock(coefficients);
  const [loraB, loraA] = [draws.gaussian(n, rank, noise), draws.gaussian(rank, m, noise)];
  columns.forEach(([x, y], j) => {
    loraB.data[modes[j]! * rank + j] = Math.sqrt(lrRatioB / c) * x;
    loraA.data[j * m + modes[j]!] = Math.sqrt(lrRatioA / c) * y;
  });
  return { loraA, loraB };
}

/** diag(sigma) on the given modes, zero on others [n, m]. */
export function errorOn({ n, m, sigma }: Scene, modes: readonly number[]): Dense {
  const out = dense(n, m);
  for (const mode of modes) out.data[mode * m + mode] = sigma[mode]!;
  return out;
}

export function caseOf(scene: Scene, adapters: readonly Adapter[]): Case {
  const { n, m, sigma, modes, coefficients } = scene;
  return {
    name: `${n} x ${m} on singular directions ${modes.map((mode) => mode + 1).join(', ')}`,
    definition: definitionOf(frobeniusLoss, errorOn(scene, [...sigma.keys()])),
    base: dense(n, m),
    problem: frobeniusFromSpectrum(sigma, n, m),
    rank: modes.length,
    coefficients,
    adapters,
  };
}
