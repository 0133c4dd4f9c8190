/** Runs the built command on a case of cases.ts, in a folder with its input files, and takes digests of what it wrote. */
import { copyFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { emptyFolder, run } from '../cases/run.js';
import { inOneProcess } from '../oneProcess.js';
import type { Engine, Subject } from './cases.js';
import {
  digestOfRows,
  digestsOfColumns,
  digestsOfTensors,
  digestsOfTrials,
  type Digests,
  type Row,
} from './digest.js';

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));

/** Recorded digests, by the name of a case and the words for what a digest is of. */
export type Recorded = Readonly<Record<string, Digests>>;

const recordOf = (name: string) => path(`./recorded/${name}.json`);

export const readRecord = (name: string): Recorded =>
  existsSync(recordOf(name)) ? (JSON.parse(readFileSync(recordOf(name), 'utf8')) as Recorded) : {};

export const writeRecord = (name: string, recorded: Recorded): void =>
  writeFileSync(recordOf(name), `${JSON.stringify(recorded, null, 2)}\n`);

/** Rows of numbers that differ, each of few binary digits, so that text holds them exactly. */
const matrix = (rows: number, cols: number, entry: (i: number, j: number) => number): string =>
  Array.from({ length: rows }, (_, i) => Array.from({ length: cols }, (_, j) => entry(i, j)).join(',')).join(
    '\n',
  );

/** A number in (-1, 1), of two indices and a salt, in 64ths. */
const scattered = (salt: number) => (i: number, j: number) =>
  (((i * 37 + j * 59 + salt * 23 + i * j * 11) % 127) - 63) / 64;

/** An empty folder with the input files of all cases: n = 7, m = 5, r = 2. */
function inputFolder(): string {
  const folder = emptyFolder();
  const put = (name: string, content: string | Buffer) => writeFileSync(join(folder, name), content);
  put('target.csv', matrix(7, 5, scattered(1)));
  put('base.csv', matrix(7, 5, scattered(2)));
  const off = scattered(3);
  put(
    'covariance.csv',
    matrix(5, 5, (i, j) => (i === j ? 1 : off(Math.min(i, j), Math.max(i, j)) / 8)),
  );
  put('adapter.safetensors', adapterFile());
  for (const loss of ['logCosh.ts', 'poisson.ts'])
    copyFileSync(path(`../fixtures/losses/${loss}`), join(folder, loss));
  return folder;
}

/** A safetensors file with lora_A [2, 5] and lora_B [7, 2] in float32. */
function adapterFile(): Buffer {
  const [a, b] = [scattered(4), scattered(5)];
  const values = [
    ...Array.from({ length: 10 }, (_, k) => a(Math.floor(k / 5), k % 5)),
    ...Array.from({ length: 14 }, (_, k) => b(Math.floor(k / 2), k % 2) / 4),
  ];
  const header = JSON.stringify({
    lora_A: { dtype: 'F32', shape: [2, 5], data_offsets: [0, 40] },
    lora_B: { dtype: 'F32', shape: [7, 2], data_offsets: [40, 96] },
  });
  const out = Buffer.alloc(8 + header.length + 96);
  out.writeBigUInt64LE(BigInt(header.length));
  out.write(header, 8);
  values.forEach((value, i) => out.writeFloatLE(value, 8 + header.length + 4 * i));
  return out;
}

/** Runs a command of rankflow in a folder of inputs. @returns where it ran, and what it printed */
async function computed(command: string) {
  const { code, stderr, stdout, folder } = await run(`rankflow ${command}`, {
    folder: inputFolder(),
    seconds: 240,
  });
  if (code !== 0) throw new Error(`rankflow ${command} exited with ${code}: ${stderr}`);
  return { folder, stdout };
}

const flagsOf = ({ backend, kernel, precision, fusedKernel }: Engine, workers: number): string =>
  `--backend ${backend} --kernel ${kernel} --precision ${precision} --workers ${workers} ` +
  `--fused-kernel ${fusedKernel}`;

/**
 * Digests of the trials of sweeps, of each in its order; undefined where one failed. Each is computed as the first shard
 * of two, which has its one chunk, because that spares the summary and the report; and all in one process, which starts
 * once.
 */
export async function sweepDigests(
  sweeps: readonly { readonly engine: Engine; readonly subject: Subject }[],
  workers: number,
): Promise<(Digests | undefined)[]> {
  const folder = inputFolder();
  const lines = sweeps.map(
    ({ engine, subject }, i) =>
      `sweep ${subject.flags} ${flagsOf(engine, workers)} --shard 1/2 --out out-${i}`,
  );
  const runs = await inOneProcess(
    lines.map((line) => line.split(' ')),
    folder,
  );
  return Promise.all(
    runs.map(({ code, stderr }, i) => {
      if (code === 0) return digestsOfTrials(join(folder, `out-${i}`));
      process.stderr.write(`rankflow ${lines[i]} exited with ${code}: ${stderr}`);
      return undefined;
    }),
  );
}

/** Digests of the tables of a whole sweep: its summary and curves. */
export async function summaryDigests(engine: Engine, { flags }: Subject): Promise<Digests> {
  const { folder } = await computed(`sweep ${flags} ${flagsOf(engine, 1)} --out out`);
  return prefixed(folder, ['summary.parquet', 'curves.parquet']);
}

/** Digests of the tables and adapters of a simulation. */
export async function simulationDigests(engine: Engine): Promise<Digests> {
  const { folder } = await computed(
    `simulate --spectrum power:1 --shape 7x5 --rank 2 --init gaussian:0.3 --trials 3 --time 6 --scale 1.5 ${flagsOf(engine, 1)} --out out`,
  );
  return {
    ...(await prefixed(folder, ['functionals.parquet', 'trials.parquet', 'singular-values.parquet'])),
    ...digestsOfTensors(join(folder, 'out/adapters.safetensors')),
  };
}

async function prefixed(folder: string, tables: readonly string[]): Promise<Digests> {
  const out: Record<string, string> = {};
  for (const table of tables)
    for (const [column, digest] of Object.entries(await digestsOfColumns(join(folder, 'out', table))))
      out[`${table} ${column}`] = digest;
  return out;
}

/** Digest of each row of the closed forms that `rankflow theory --json` prints. */
export async function theoryDigests(flags: string): Promise<Digests> {
  const { stdout } = await computed(`theory ${flags} --json`);
  const rows = JSON.parse(stdout) as Row[];
  return Object.fromEntries(
    rows.map((row, i) => [`${i} ${String(row['loss'])}`, digestOfRows([row], theoryColumns)]),
  );
}

const theoryColumns = [
  ...['loss', 'n', 'm', 'initialization', 'scale', 'rank', 'optimum', 'relativeError', 'floor'],
  ...['isBound', 'distance', 'rate', 'fullFineTuningRate'],
];
