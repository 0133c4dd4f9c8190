/** The built command, run as a user runs it in a folder of its own with some matrices, and readers of what it writes. */
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { asyncBufferFromFile, parquetReadObjects } from 'hyparquet';
import { Matrix, SingularValueDecomposition } from 'ml-matrix';
import { afterAll, expect } from 'vitest';
import { readSafetensors } from '../../src/files/safetensors.js';
import { served } from '../oneProcess.js';

/** The repository. */
export const root = fileURLToPath(new URL('../..', import.meta.url));
export const main = join(root, 'dist/src/cli/main.js');

/** The folder in which commands run. */
export const work = mkdtempSync(join(tmpdir(), 'rankflow-cli-'));

afterAll(() => rmSync(work, { recursive: true }));

export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** As many processes at a time as there are processors, at most four. */
let free = Math.min(4, cpus().length);

const waiting: (() => void)[] = [];

export const rankflow = (args: readonly string[], cwd = work): Promise<Ran> => node([main, ...args], cwd);

export async function node(args: readonly string[], cwd: string): Promise<Ran> {
  if (free > 0) free--;
  else await new Promise<void>((resolve) => waiting.push(resolve));
  try {
    return await new Promise<Ran>((resolve) => {
      const child = spawn(process.execPath, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
      let [stdout, stderr] = ['', ''];
      child.stdout.on('data', (data) => (stdout += String(data)));
      child.stderr.on('data', (data) => (stderr += String(data)));
      child.on('close', (code) => resolve({ code, stdout, stderr }));
    });
  } finally {
    const next = waiting.shift();
    if (next) next();
    else free++;
  }
}

/** The same in a process that other commands of the file have too: where neither its start nor its end is the subject. */
export const rankflowServed = (args: readonly string[], cwd = work): Promise<Ran> => served(args, cwd);

/** Runs a command that must succeed, on a command line without quotes. */
export async function done(line: string, run = rankflow): Promise<Ran> {
  const ran = await run(line.split(/\s+/));
  expect(ran.code, `${line}\n${ran.stderr}`).toBe(0);
  return ran;
}

/** The same in a process that other commands of the file have too. */
export const doneServed = (line: string): Promise<Ran> => done(line, rankflowServed);

export type Row = Record<string, string | number | null>;

export const parquet = async (...path: string[]): Promise<Row[]> =>
  (await parquetReadObjects({ file: await asyncBufferFromFile(join(work, ...path)) })) as Row[];

export const number = (row: Row | undefined, name: string): number => {
  const value = row?.[name];
  if (typeof value !== 'number') throw new Error(`${name} is ${value}`);
  return value;
};

/** All trial rows of a sweep's folder, by cell and trial. */
export async function trialRows(folder: string): Promise<Row[]> {
  const parts = readdirSync(join(work, folder, 'trials')).sort();
  const rows = (await Promise.all(parts.map((part) => parquet(folder, 'trials', part)))).flat();
  return rows.sort(
    (a, b) => number(a, 'cell') - number(b, 'cell') || number(a, 'trial') - number(b, 'trial'),
  );
}

export const json = (...path: string[]) => JSON.parse(readFileSync(join(work, ...path), 'utf8'));

export const sum = (values: readonly number[]) => values.reduce((all, value) => all + value, 0);

export const squares = (values: readonly number[]) => sum(values.map((value) => value ** 2));

export const relative = (a: number, b: number) => Math.abs(a - b) / Math.abs(b);

/** A matrix of no structure, the same in every run. */
export const matrix = (rows: number, cols: number, seed: number): Matrix =>
  new Matrix(rows, cols).apply(function (this: Matrix, i: number, j: number) {
    this.set(i, j, Math.fround(Math.sin(1 + seed + 7.3 * i + 3.1 * j + i * j)));
  });

export const csv = (a: Matrix) => a.to2DArray().map(String).join('\n');

export const put = (name: string, content: string | Uint8Array) => writeFileSync(join(work, name), content);

export const singularValues = (a: Matrix) =>
  new SingularValueDecomposition(a, { autoTranspose: true }).diagonal;

/** 1/2 of the sum of the squares after the first r. */
export const tailLoss = (sigma: readonly number[], r: number) => squares(sigma.slice(r)) / 2;

/** 1/2 |W0 + s B A - M|^2 of every trial of a folder. */
export function finalLosses(folder: string, s: number, w0: Matrix, m: Matrix): number[] {
  const file = readSafetensors(join(work, folder, 'adapters.safetensors'));
  const [a, b] = [file.get('lora_A'), file.get('lora_B')];
  const [trials, r] = a.shape as [number, number];
  expect(a.shape).toEqual([trials, r, m.columns]);
  expect(b.shape).toEqual([trials, m.rows, r]);
  return Array.from({ length: trials }, (_, k) => {
    const part = (data: Float64Array, rows: number, cols: number) =>
      Matrix.from1DArray(rows, cols, data.slice(k * rows * cols, (k + 1) * rows * cols));
    const update = part(b.data, m.rows, r)
      .mmul(part(a.data, r, m.columns))
      .mul(s);
    return squares(Matrix.add(w0, update).sub(m).to1DArray()) / 2;
  });
}

export const [target, base, square] = [matrix(9, 7, 0), matrix(9, 7, 1), matrix(16, 16, 2)];

export const covariance = Matrix.add(
  matrix(7, 7, 3)
    .transpose()
    .mmul(matrix(7, 7, 3))
    .mul(1 / 7),
  Matrix.eye(7).mul(0.5),
);

mkdirSync(join(work, 'conf'));
put('conf/target.csv', csv(target));
put('base.csv', csv(base));
put('square.csv', csv(square));
put('covariance.csv', csv(covariance));
