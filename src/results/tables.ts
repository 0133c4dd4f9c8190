/** Tables as files: Parquet and CSV. A file appears whole or not at all. */
import { renameSync, writeFileSync } from 'node:fs';
import { stringify } from 'csv-stringify/sync';
import { parquetWriteBuffer, type BasicType } from 'hyparquet-writer';

export type Value = string | number | null;

/** A record per row, all with the same keys. */
export type Rows = readonly Readonly<Record<string, Value>>[];

/** Writes under a temporary name in the same folder, then renames. */
export function writeWhole(file: string, content: string | Uint8Array): void {
  const temporary = `${file}.part`;
  writeFileSync(temporary, content, { flush: true });
  renameSync(temporary, file);
}

/** Writes rows as Parquet: strings, INT32 for the named integer columns, else DOUBLE; null stays null. */
export function writeParquet(file: string, rows: Rows, integers: readonly string[]): void {
  const columnData = Object.keys(rows[0] ?? {}).map((name) => {
    const data = rows.map((row) => row[name] ?? null);
    const text = data.some((value) => typeof value === 'string');
    const type: BasicType = text ? 'STRING' : integers.includes(name) ? 'INT32' : 'DOUBLE';
    return { name, data, type, nullable: true };
  });
  writeWhole(file, new Uint8Array(parquetWriteBuffer({ columnData })));
}

export const writeCsv = (file: string, rows: Rows): void =>
  writeWhole(file, stringify([...rows], { header: true }));
