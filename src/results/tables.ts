/** Tables as files: Parquet and CSV. */
import { stringify } from 'csv-stringify/sync';
import { parquetWriteBuffer, type BasicType } from 'hyparquet-writer';
import { writeWhole } from '../files/writeWhole.js';

export type Value = string | number | null;

/** A record per row, all with the same keys. */
export type Rows = readonly Readonly<Record<string, Value>>[];

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
