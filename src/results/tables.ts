/** Tables as Parquet and CSV. */
import { stringify } from 'csv-stringify/sync';
import { parquetWriteBuffer, type BasicType } from 'hyparquet-writer';

export type Value = string | number | null;

/** A record per row, all with the same keys. */
export type Rows = readonly Readonly<Record<string, Value>>[];

/** Values by column, as many in each. */
export type Columns = Readonly<Record<string, readonly (Value | Uint8Array)[]>>;

/** Columns of a table that hold whole numbers, text, and bytes; all others hold numbers. Columns may be there that are not. */
export interface ColumnTypes {
  readonly integers: readonly string[];
  readonly texts: readonly string[];
  /** Default: none. */
  readonly bytes?: readonly string[];
}

/** Rows as a Parquet file, as `columnsParquet` writes it. */
export const parquet = (
  rows: Rows,
  types: ColumnTypes,
  metadata?: Readonly<Record<string, string>>,
): Uint8Array<ArrayBuffer> => columnsParquet(byColumn(rows), types, metadata);

export const byColumn = (rows: Rows): Columns =>
  Object.fromEntries(Object.keys(rows[0] ?? {}).map((name) => [name, rows.map((row) => row[name] ?? null)]));

/**
 * Columns as a Parquet file: STRING, INT32, BYTE_ARRAY or DOUBLE as their table has it, whatever values there are, so that files of
 * one table can be read together; null stays null. `metadata` goes into its key-value metadata.
 * @throws Error for text in a column of numbers
 */
export function columnsParquet(
  columns: Columns,
  { integers, texts, bytes = [] }: ColumnTypes,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array<ArrayBuffer> {
  const columnData = Object.entries(columns).map(([name, values]) => {
    const text = texts.includes(name);
    if (!text && values.some((value) => typeof value === 'string'))
      throw new Error(`column ${name} holds text, and is not among those of its table that do`);
    const [type = 'DOUBLE'] = (
      [
        ['STRING', texts],
        ['INT32', integers],
        ['BYTE_ARRAY', bytes],
      ] as const
    ).flatMap(([type, names]): BasicType[] => (names.includes(name) ? [type] : []));
    return { name, data: [...values], type, nullable: true };
  });
  const kvMetadata = Object.entries(metadata).map(([key, value]) => ({ key, value }));
  return new Uint8Array(parquetWriteBuffer({ columnData, kvMetadata }));
}

export const csv = (rows: Rows): string => stringify([...rows], { header: true });
