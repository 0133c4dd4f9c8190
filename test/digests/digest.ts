/**
 * Digests of results: SHA-256 over exact values (numbers by the 8 bytes of their float64, so that -0 is not 0 and a last
 * bit counts), shortened to 16 hexadecimal digits. Reads files by libraries alone, by nothing of src/.
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parquetReadObjects } from 'hyparquet';

export type Row = Readonly<Record<string, unknown>>;

/** Digest of each cell of a sweep, by the words for it. */
export type Digests = Readonly<Record<string, string>>;

/** The columns of a trial's row that are a result, or say of what; `loss_at_0`, `loss_at_1`, ... follow them. */
const trialColumns = [
  ...['loss_function', 'target', 'n', 'm', 'rank', 'initialization', 'scaling', 'scale', 'lr_ratio_a'],
  ...['lr_ratio_b', 'seed', 'trial', 'outcome', 'time', 'accepted_steps', 'rejected_steps', 'evaluations'],
  ...['loss', 'accuracy', 'excess', 'distance', 'gradient_norm', 'balancedness', 'stationarity'],
  ...['accuracy_bias', 'time_to_optimum_after', 'time_to_optimum_by'],
];

/** The bytes of a value, after one that tells its type. */
function bytesOf(value: unknown): Buffer {
  if (value === null || value === undefined) return Buffer.from([0]);
  if (typeof value === 'number' || typeof value === 'bigint') {
    const bytes = Buffer.alloc(9, 1);
    bytes.writeDoubleBE(Number(value), 1);
    return bytes;
  }
  if (typeof value === 'boolean') return Buffer.from([2, Number(value)]);
  if (typeof value !== 'string') throw new Error(`no digest of ${typeof value}`);
  return Buffer.concat([Buffer.from([3]), Buffer.from(value), Buffer.from([0])]);
}

/** Digest of rows, of some columns in their order. @throws if a row lacks one of them */
export function digestOfRows(rows: readonly Row[], columns: readonly string[]): string {
  const hash = createHash('sha256');
  for (const row of rows) {
    for (const column of columns) {
      if (!(column in row)) throw new Error(`no column ${column}`);
      hash.update(bytesOf(row[column]));
    }
  }
  return hash.digest('hex').slice(0, 16);
}

const digestOfBytes = (bytes: Uint8Array): string =>
  createHash('sha256').update(bytes).digest('hex').slice(0, 16);

/** The rows of a Parquet file. */
export function parquetRows(path: string): Promise<Row[]> {
  const { buffer, byteOffset, byteLength } = readFileSync(path);
  return parquetReadObjects({ file: buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer });
}

/** Digest of each cell in the trials of a sweep's folder: all parts, trials in their order, with their loss curves. */
export async function digestsOfTrials(folder: string): Promise<Digests> {
  const trials = join(folder, 'trials');
  const parts = readdirSync(trials).filter((name) => name.endsWith('.parquet'));
  const rows = (await Promise.all(parts.map((name) => parquetRows(join(trials, name))))).flat();
  const cells = new Map<number, Row[]>();
  for (const row of rows) cells.set(Number(row['cell']), [...(cells.get(Number(row['cell'])) ?? []), row]);
  return Object.fromEntries(
    [...cells]
      .sort(([a], [b]) => a - b)
      .map(([cell, own]) => {
        own.sort((a, b) => Number(a['trial']) - Number(b['trial']));
        const saves = Object.keys(own[0]!).filter((name) => name.startsWith('loss_at_')).length;
        const curve = Array.from({ length: saves }, (_, k) => `loss_at_${k}`);
        return [wordsOf(cell, own), digestOfRows(own, [...trialColumns, ...curve])];
      }),
  );
}

/** Words for a cell, by which a changed one is known. */
const wordsOf = (cell: number, rows: readonly Row[]): string => {
  const row = rows[0]!;
  const words = ['loss_function', 'initialization', 'scaling'].map((name) => String(row[name]));
  return `${cell} ${words.join(' ')} rank ${String(row['rank'])}, ${rows.length} trials`;
};

/** Digest of every column of a Parquet file. */
export async function digestsOfColumns(path: string): Promise<Digests> {
  const rows = await parquetRows(path);
  return Object.fromEntries(Object.keys(rows[0]!).map((column) => [column, digestOfRows(rows, [column])]));
}

/** Digest of the bytes of every tensor of a safetensors file. */
export function digestsOfTensors(path: string): Digests {
  const bytes = readFileSync(path);
  const start = 8 + Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.toString('utf8', 8, start)) as Record<
    string,
    { dtype: string; shape: number[]; data_offsets: [number, number] }
  >;
  return Object.fromEntries(
    Object.entries(header)
      .filter(([name]) => name !== '__metadata__')
      .map(
        ([
          name,
          {
            dtype,
            shape,
            data_offsets: [from, to],
          },
        ]) => [
          `${name} ${dtype} [${shape.join(', ')}]`,
          digestOfBytes(bytes.subarray(start + from, start + to)),
        ],
      ),
  );
}
