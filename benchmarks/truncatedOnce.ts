/**
 * One truncated decomposition in a process of its own, so that its peak memory is its own: arguments KIND, side and k;
 * prints JSON. KIND power: singular values 1/i between two reflections, gaussian: independent normal entries.
 */
import { dense, type Dense } from '../src/numbers/dense.js';
import { truncatedSvd } from '../src/numbers/truncatedSvd.js';
import { normals } from '../src/numbers/philox.js';

export interface TruncatedOnce {
  readonly seconds: number;
  /** Most memory that the process held, in bytes. */
  readonly peak: number;
  readonly iterations: number;
  readonly converged: boolean;
  /** Squared distance over the least one, less 1; null where that is not known beforehand. */
  readonly excess: number | null;
}

const [kind, side, count] = process.argv.slice(2) as ['power' | 'gaussian', string, string];
const n = Number(side);
const k = Number(count);

const drawn = (size: number, trial: number) => normals(size, { seed: 1, rank: 0, trial }, 'loraA');

/** (I - 2 u u^T) diag(sigma) (I - 2 v v^T). */
function reflected(sigma: Float64Array): Dense {
  const unit = (trial: number) => {
    const v = drawn(n, trial);
    const length = Math.hypot(...v);
    return v.map((value) => value / length);
  };
  const [u, v] = [unit(1), unit(2)];
  const overlap = 4 * sigma.reduce((sum, s, i) => sum + u[i]! * s * v[i]!, 0);
  const out = dense(n, n);
  for (let i = 0; i < n; i++)
    for (let j = 0; j < n; j++) {
      const outer = u[i]! * v[j]! * overlap - 2 * u[i]! * u[j]! * sigma[j]! - 2 * sigma[i]! * v[i]! * v[j]!;
      out.data[i * n + j] = outer + (i === j ? sigma[i]! : 0);
    }
  return out;
}

const sigma = Float64Array.from({ length: n }, (_, i) => 1 / (i + 1));
const a = kind === 'power' ? reflected(sigma) : dense(n, n, drawn(n * n, 3));
const begun = performance.now();
const { tailSquared, iterations, converged } = truncatedSvd(a, k);
const seconds = (performance.now() - begun) / 1000;
const best = sigma.subarray(k).reduceRight((sum, s) => sum + s * s, 0);
const told: TruncatedOnce = {
  seconds,
  peak: 1024 * process.resourceUsage().maxRSS,
  iterations,
  converged,
  excess: kind === 'power' ? tailSquared / best - 1 : null,
};
process.stdout.write(JSON.stringify(told));
