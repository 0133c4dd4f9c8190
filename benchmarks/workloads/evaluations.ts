/**
 * Evaluations of the flow that methods need for equal errors, in float64, on the problems of the contest; beside them, with
 * $PYTHON, those of diffrax with its own controller and starting step. Nothing is timed. Errors are of X Y^T, relative, at
 * the end, means over starts, against tsit5 at the least tolerance.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dump } from 'npyjs';
import { method, type MethodName } from '../../src/method/methods.js';
import { namedSpectrum } from '../../src/problem/spectrum.js';
import type { Factors } from '../../src/problem/factors.js';
import type { Device } from '../../src/solver/device.js';
import { solve } from '../../src/solver/solve.js';
import { openFused } from '../backends.js';
import { membersOf, problemOf, type Size } from '../flow.js';
import { updateError } from '../numbers.js';
import { endOf, problems } from '../peers/problems.js';
import { scripts } from '../peers/python.js';
import type { Measured, Workload } from '../workload.js';

/** The problems; the third with fewer rows, of which its evaluations do not depend on: they are as many at 16,384. */
const CASES = ['w1', 'w2', 'w5'] as const;
const MOST_ROWS = 1024;
const STARTS = 4;
const NAMES = ['dopri5', 'tsit5', 'bosh3', 'sharpverner6', 'dop853'] as const satisfies readonly MethodName[];
const SOLVERS = ['Tsit5', 'Dopri5', 'Dopri8'] as const;
const RTOLS = Array.from({ length: 20 }, (_, i) => 10 ** (-1 - i / 2)).filter((rtol) => rtol >= 1e-10);
const ERRORS = [1e-4, 1e-5, 1e-6, 1e-7, 1e-8] as const;
/** The error that values are of. */
const EQUAL = 1e-6;

/** Evaluations and the error that they lead to. */
type Point = readonly [evaluations: number, error: number];

/** Least evaluations whose error is that, between neighbours on the logarithms of both; NaN beyond them. */
function evaluationsAt(points: readonly Point[], error: number): number {
  const between = points.slice(1).flatMap(([after, smaller], i) => {
    const [before, larger] = points[i]!;
    const part = Math.log(error / larger) / Math.log(smaller / larger);
    return part >= 0 && part <= 1 ? [before * (after / before) ** part] : [];
  });
  return between.length > 0 ? Math.min(...between) : NaN;
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

async function ends(device: Device, size: Size, end: number, name: MethodName, rtol: number) {
  const options = {
    method: method(name, { rtol, precision: 'float64' }),
    stop: { saveTimes: [end], steadyTolerance: null, maxSteps: 1_000_000 },
    ...({ kernel: 'fused', precision: 'float64', device } as const),
  };
  const found = await solve({ problem: problemOf(size), members: membersOf(size, STARTS) }, options).all();
  return {
    evaluations: mean(found.map(({ evaluations }) => evaluations)),
    factors: found.map(({ factors }) => factors),
  };
}

/** The points of diffrax's solvers, by their names; null without $PYTHON. */
function diffrax(size: Size, end: number, exact: readonly Factors[]) {
  const python = process.env['PYTHON'];
  if (!python) return null;
  const folder = mkdtempSync(join(tmpdir(), 'rankflow-evaluations-'));
  const keep = (name: string, states: readonly Factors[]) => {
    const { n, rank } = size;
    const data = Float64Array.from(states.flatMap(({ x, y }) => [...x.data, ...y.data]));
    write(name, data, [states.length, 2, n, rank]);
  };
  const write = (name: string, data: Float64Array, shape: number[]) =>
    writeFileSync(join(folder, `${name}.npy`), new Uint8Array(dump(data, shape)));
  try {
    write('sigma', namedSpectrum('power:0.5', size.n), [size.n]);
    keep(
      'starts',
      membersOf(size, STARTS).map((member) => member.initial()),
    );
    keep('ends', exact);
    const input = JSON.stringify({ end, rtols: RTOLS, solvers: SOLVERS });
    const told = execFileSync(python, [join(scripts, 'diffrax_evaluations.py'), folder], { input });
    return JSON.parse(told.toString()) as Record<(typeof SOLVERS)[number], Point[]> & { version: string };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

export const evaluations: Workload = {
  id: 'evaluations',
  claim: `evaluations of methods at an error of ${EQUAL}, float64`,
  unit: 'evaluations',
  async run() {
    const device = await openFused('wasm');
    const results: Measured[] = [];
    for (const id of CASES) {
      const problem = problems.find((each) => each.id === id)!;
      const n = Math.min(problem.n, MOST_ROWS);
      const [size, end] = [{ n, m: n, rank: problem.rank }, endOf(problem)];
      const exact = (await ends(device, size, end, 'tsit5', 1e-12)).factors;
      const curves: Record<string, readonly Point[]> = {};
      for (const name of NAMES) {
        const points: Point[] = [];
        for (const rtol of RTOLS) {
          const found = await ends(device, size, end, name, rtol);
          const logs = found.factors.map((factors, i) => Math.log(updateError(factors, exact[i]!)));
          points.push([found.evaluations, Math.exp(mean(logs))]);
        }
        curves[name] = points;
      }
      const theirs = diffrax(size, end, exact);
      for (const solver of theirs ? SOLVERS : [])
        curves[`diffrax ${theirs!.version} ${solver}`] = theirs![solver];
      for (const [name, points] of Object.entries(curves)) {
        const listed = ERRORS.map(
          (error) => `${evaluationsAt(points, error).toFixed(0)} at ${error.toExponential()}`,
        );
        results.push({
          id: `${this.id}-${id}-${name.replaceAll(' ', '-')}`,
          ...{ value: evaluationsAt(points, EQUAL), unit: this.unit },
          note: `n = ${n}, r = ${size.rank}, T = ${end}: ${listed.join(', ')}`,
        });
      }
    }
    return results;
  },
};
