/** Tables as Parquet and CSV. */
import { stringify } from 'csv-stringify/sync';
import { parquetWriteBuffer, type BasicType } from 'hyparquet-writer';

export type Value = string | number | null;

/** A record per row, all with the same keys. */
export type Rows = readonly Readonly<Record<string, Value>>[];

/** Values by column, as many in each. */
export type Columns = Readonly<Record<string, readonly Value[]>>;

/** Rows as a Parquet file, as `columnsParquet` writes it. */
export const parquet = (
  rows: Rows,
  integers: readonly string[],
  metadata?: Readonly<Record<string, string>>,
): Uint8Array<ArrayBuffer> => columnsParquet(byColumn(rows), integers, metadata);

export const byColumn = (rows: Rows): Columns =>
  Object.fromEntries(Object.keys(rows[0] ?? {}).map((name) => [name, rows.map((row) => row[name] ?? null)]));

/**
 * Columns as a Parquet file: strings, INT32 for the named integer columns, else DOUBLE; null stays null. `metadata` goes
 * into its key-value metadata.
 */
export function columnsParquet(
  columns: Columns,
  integers: readonly string[],
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array<ArrayBuffer> {
  const columnData = Object.entries(columns).map(([name, values]) => {
    const text = values.some((value) => typeof value === 'string');
    const type: BasicType = text ? 'STRING' : integers.includes(name) ? 'INT32' : 'DOUBLE';
    return { name, data: [...values], type, nullable: true };
  });
  const kvMetadata = Object.entries(metadata).map(([key, value]) => ({ key, value }));
  return new Uint8Array(parquetWriteBuffer({ columnData, kvMetadata }));
}

export const csv = (rows: Rows): string => stringify([...rows], { header: true });
