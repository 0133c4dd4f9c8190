/** Tables as Parquet and CSV. */
import { stringify } from 'csv-stringify/sync';
import { parquetWriteBuffer, type BasicType } from 'hyparquet-writer';

export type Value = string | number | null;

/** A record per row, all with the same keys. */
export type Rows = readonly Readonly<Record<string, Value>>[];

/**
 * Rows as a Parquet file: strings, INT32 for the named integer columns, else DOUBLE; null stays null. `metadata` goes
 * into its key-value metadata.
 */
export function parquet(
  rows: Rows,
  integers: readonly string[],
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array<ArrayBuffer> {
  const columnData = Object.keys(rows[0] ?? {}).map((name) => {
    const data = rows.map((row) => row[name] ?? null);
    const text = data.some((value) => typeof value === 'string');
    const type: BasicType = text ? 'STRING' : integers.includes(name) ? 'INT32' : 'DOUBLE';
    return { name, data, type, nullable: true };
  });
  const kvMetadata = Object.entries(metadata).map(([key, value]) => ({ key, value }));
  return new Uint8Array(parquetWriteBuffer({ columnData, kvMetadata }));
}

export const csv = (rows: Rows): string => stringify([...rows], { header: true });
