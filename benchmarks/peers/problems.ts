/**
 * The problems of the contest (problems.json), and the files through which contestants share them: `ID-sigma.npy` [n]
 * and `ID-y0.npy` [trajectories, n, r], the transposes of A0, both float32; B0 is zero.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { dump, parse } from 'npyjs';
import { dense } from '../../src/numbers/dense.js';
import { packageRoot } from '../../src/host/packageRoot.js';
import type { Factors } from '../../src/problem/factors.js';
import { namedSpectrum } from '../../src/problem/spectrum.js';
import { startOf, type Size } from '../flow.js';

export interface PeerProblem {
  readonly id: string;
  /** Rows of X and of Y. */
  readonly n: number;
  readonly rank: number;
  readonly spectrum: string;
  readonly seed: number;
  readonly trajectories: number;
  /** RK4 for all, or each by its own method to the end time, as accurately as rankflow at that tolerance. */
  readonly integration:
    | { readonly kind: 'rk4'; readonly step: number; readonly steps: number }
    | { readonly kind: 'free'; readonly end: number; readonly rtol: number };
  /** Trajectories on which contestants find their tolerances and their speed. */
  readonly pilot: number;
  /** First trajectories whose ends are compared. */
  readonly checked: number;
  /** Relative, of X Y^T, beyond which an end is wrong. */
  readonly largestError: number;
  /** About how long a run may take: it has as many of the trajectories as fit. */
  readonly secondsPerRun: number;
  readonly rounds: number;
}

const file = join(packageRoot, 'benchmarks/peers/problems.json');

export const problems = JSON.parse(readFileSync(file, 'utf8')) as readonly PeerProblem[];

export const endOf = ({ integration }: PeerProblem): number =>
  integration.kind === 'rk4' ? integration.step * integration.steps : integration.end;

export const sizeOf = ({ n, rank }: PeerProblem): Size => ({ n, m: n, rank });

/** What files of a problem in the folder begin with. */
const pathOf = (folder: string, { id }: Pick<PeerProblem, 'id'>) => join(folder, id);

/** Writes the singular values and the starts of the first trajectories. */
export function writeStarts(folder: string, problem: PeerProblem, trajectories: number): void {
  const { n, rank, spectrum, seed } = problem;
  const path = pathOf(folder, problem);
  const y0 = new Float32Array(trajectories * n * rank);
  for (let trial = 0; trial < trajectories; trial++)
    y0.set(startOf(sizeOf(problem), trial, seed).y.data, trial * n * rank);
  writeNpy(`${path}-sigma.npy`, Float32Array.from(namedSpectrum(spectrum, n)), [n]);
  writeNpy(`${path}-y0.npy`, y0, [trajectories, n, rank]);
}

/** The starts of the first trajectories, and the singular values. */
export function readStarts(folder: string, problem: PeerProblem, trajectories: number) {
  const { n, rank } = problem;
  const path = pathOf(folder, problem);
  const y0 = readNpy(`${path}-y0.npy`, [null, n, rank]);
  if (y0.length < trajectories * n * rank) throw new Error(`${path}-y0.npy has fewer trajectories`);
  return {
    sigma: Float64Array.from(readNpy(`${path}-sigma.npy`, [n])),
    starts: Array.from({ length: trajectories }, (_, i): Factors => {
      const y = Float64Array.from(y0.subarray(i * n * rank, (i + 1) * n * rank));
      return { x: dense(n, rank), y: dense(n, rank, y) };
    }),
  };
}

/** Ends [count, 2, n, r]: X and Y of each. */
export function readEnds(path: string, { n, rank }: PeerProblem): Factors[] {
  const data = readNpy(path, [null, 2, n, rank]);
  const size = n * rank;
  const factor = (at: number) => dense(n, rank, Float64Array.from(data.subarray(at * size, (at + 1) * size)));
  return Array.from({ length: data.length / size / 2 }, (_, i) => ({
    x: factor(2 * i),
    y: factor(2 * i + 1),
  }));
}

export function writeEnds(path: string, { n, rank }: PeerProblem, ends: readonly Factors[]): void {
  const data = new Float32Array(ends.length * 2 * n * rank);
  ends.forEach(({ x, y }, i) => {
    data.set(x.data, 2 * i * n * rank);
    data.set(y.data, (2 * i + 1) * n * rank);
  });
  writeNpy(path, data, [ends.length, 2, n, rank]);
}

const writeNpy = (path: string, data: Float32Array, shape: number[]) =>
  writeFileSync(path, new Uint8Array(dump(data, shape)));

/** @throws Error if it is not of that shape; null: of any length */
function readNpy(path: string, expected: readonly (number | null)[]): Float32Array | Float64Array {
  const { data, shape, fortranOrder } = parse(new Uint8Array(readFileSync(path)).buffer);
  const fits =
    shape.length === expected.length && expected.every((size, axis) => size === null || size === shape[axis]);
  const floats = data instanceof Float32Array || data instanceof Float64Array;
  if (!fits || !floats || fortranOrder) throw new Error(`${path} holds [${shape.join(', ')}]`);
  return data;
}
