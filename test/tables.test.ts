/** Types of Parquet columns, as DuckDB reads them: those of their table, whatever values there are. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterAll, expect, it } from 'vitest';
import { columnsParquet, parquet } from '../src/results/tables.js';
import { run } from './cases/run.js';

const folder = mkdtempSync(join(tmpdir(), 'rankflow-tables-'));
afterAll(() => rmSync(folder, { recursive: true }));

async function ask(question: string): Promise<unknown[][]> {
  const connection = await (await DuckDBInstance.create()).connect();
  return (await connection.runAndReadAll(question)).getRowsJson();
}

const types = { integers: ['count'], texts: ['name'] };
const file = (name: string, bytes: Uint8Array) => {
  writeFileSync(join(folder, name), bytes);
  return join(folder, name);
};
const typesOf = async (path: string) =>
  (await ask(`describe from read_parquet('${path}')`)).map(
    ([name, type]) => `${String(name)} ${String(type)}`,
  );

const written = ['name VARCHAR', 'count INTEGER', 'value DOUBLE'];

it('are those of the table where all values are null', async () => {
  const nulls = file('nulls.parquet', parquet([{ name: null, count: null, value: null }], types));
  const full = file('full.parquet', parquet([{ name: 'a', count: 1, value: 2.5 }], types));
  expect(await typesOf(nulls)).toEqual(written);
  expect(await typesOf(full)).toEqual(written);
  expect(await ask(`from read_parquet(['${full}', '${nulls}']) order by count`)).toEqual([
    ['a', 1, 2.5],
    [null, null, null],
  ]);
});

it('are those of the table where there are no rows', async () => {
  const none = file('none.parquet', columnsParquet({ name: [], count: [], value: [] }, types));
  expect(await typesOf(none)).toEqual(written);
});

it('refuse text among numbers', () => {
  expect(() => parquet([{ value: 'a' }], types)).toThrow('column value holds text');
});

it('let summaries with and without a law be read together', async () => {
  const { code, folder: at } = await run(
    `rankflow sweep --backend wasm --loss $CASE/loss.ts --shape 6x5 --ranks 2 --trials 2 --time 1 --out a &&
    rankflow sweep --backend wasm --spectrum power:1 --shape 8x8 --ranks 1 --trials 2 --out b`,
    { inputs: 'parquet-null-text-is-double' },
  );
  expect(code).toBe(0);
  for (const table of ['summary.parquet', 'curves.parquet', 'trials/*.parquet']) {
    const [one, two] = [await typesOf(join(at, 'a', table)), await typesOf(join(at, 'b', table))];
    expect(one).toEqual(two);
  }
  const files = ['a', 'b'].map((name) => `'${join(at, name, 'summary.parquet')}'`).join();
  expect(await ask(`select law_name, law is null from read_parquet([${files}]) order by law_name`)).toEqual([
    ['Eckart-Young-Mirsky', false],
    [null, true],
  ]);
});
