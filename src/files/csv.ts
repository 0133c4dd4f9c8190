/** Tables of numbers from .csv files: cells between commas, semicolons, tabs or spaces, with decimal points. */
import { CsvError, parse as parseCsv } from 'csv-parse/sync';
import { InputError } from '../host/inputError.js';
import { readBytes } from './disk.js';
import { textOf } from './foreign.js';
import type { HostArray } from './hostArray.js';

/** Written so that digits match in one way only: where they could be split, long ones would be tried in every split. */
const DECIMAL = /^[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?$/i;

/** @throws InputError, naming the path and the first cell that is no finite decimal number */
export function readCsv(path: string): HostArray {
  const text = textOf(path, readBytes(path));
  refuseExtraLines(path, text);
  const delimiter = delimiterOf(text);
  const records = recordsOf(path, text, delimiter);
  const cols = records[0]?.length ?? 0;
  const data = new Float64Array(records.length * cols);
  records.forEach((record, i) =>
    record.forEach((cell, j) => {
      if (!DECIMAL.test(cell)) throw cellFault(path, cell, i, j, delimiter);
      data[i * cols + j] = Number(cell);
    }),
  );
  return { shape: [records.length, cols], data };
}

/** @throws InputError for lines that other programs add: comments, as NumPy's savetxt does, and Excel's separator */
function refuseExtraLines(path: string, text: string): void {
  const [line] = /^[ \t]*(#.*|sep=.?[ \t]*)$/im.exec(text) ?? [];
  if (line === undefined) return;
  const kind = line.trim().startsWith('#') ? 'comment lines' : 'a line for the separator';
  throw new InputError(path, `the line "${line.trim()}"`, `a .csv file of numbers alone, without ${kind}`);
}

/** The separator of cells: of semicolons, tabs, commas and spaces the first that stands between two of them. */
function delimiterOf(text: string): string {
  if (text.includes(';')) return ';';
  if (text.includes(',')) return /[^\s,]\t/.test(text) ? '\t' : ',';
  if (text.includes('\t')) return '\t';
  return /\S \s*\S/.test(text) ? ' ' : ',';
}

/** Any number of spaces as one, and none at either end of a line. */
const singleSpaced = (text: string) => text.replaceAll(/ +/g, ' ').replaceAll(/^ | $/gm, '');

function recordsOf(path: string, text: string, delimiter: string): string[][] {
  try {
    return parseCsv(delimiter === ' ' ? singleSpaced(text) : text, {
      delimiter,
      trim: true,
      skip_empty_lines: true,
      // Where it has to find out, the search is repeated at every byte of the first line.
      record_delimiter: ['\r\n', '\n', '\r'],
    });
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    throw new InputError(path, error.message, 'a .csv file with rows of equal length');
  }
}

function cellFault(path: string, cell: string, i: number, j: number, delimiter: string): InputError {
  const where = `"${cell}" in row ${i + 1}, column ${j + 1}`;
  // Between spaces, they are taken for separators.
  const comma = delimiter === ',' ? /^\d+ +[+-]?\d+$/ : /^[+-]?\d*,\d+(e[+-]?\d+)?$/i;
  return comma.test(cell)
    ? new InputError(path, `${where}: decimal commas`, 'numbers with decimal points in every cell')
    : new InputError(path, where, 'a finite number in every entry');
}
