/** The parts of a sweep (parts.ts): a row for each trial, with its loss over time. */
import type { Outcome } from '../method/outcome.js';
import type { PlanChunk } from '../sweep/chunks.js';
import { lossColumn, riskColumn, trialIntegers, trialTexts, type Column, type Trial } from '../sweep/row.js';
import type { Stationarity } from '../sweep/stationarity.js';
import type { TrialColumns } from '../sweep/summarize.js';
import { readPart, type Part } from './parts.js';
import { byColumn, type Columns, type ColumnTypes, type Value } from './tables.js';

export const trialTypes: ColumnTypes = { integers: trialIntegers, texts: trialTexts };

/** The trials of a chunk as columns. */
export function trialColumns(trials: readonly Trial[]): Columns {
  // Of cells with fewer save times than others of the chunk the last columns are null.
  const columnsAt = (columnAt: (k: number) => Column, curve: 'curve' | 'riskCurve') =>
    Array.from({ length: Math.max(...trials.map((trial) => trial[curve]?.length ?? 0)) }, (_, k) => [
      columnAt(k),
      trials.map((trial) => trial[curve]?.[k] ?? null),
    ]);
  const curves = [...columnsAt(lossColumn, 'curve'), ...columnsAt(riskColumn, 'riskCurve')];
  return { ...byColumn(trials.map(({ row }) => row)), ...(Object.fromEntries(curves) as Columns) };
}

/** The trials in parts, read as they are asked for. */
export function columnsOfParts(parts: readonly Part[], chunks: readonly PlanChunk[]): TrialColumns {
  const spansOf = ({ chunk }: Part, cell: number) =>
    chunks[chunk]!.spans.filter((span) => span.cell === cell);
  const read = async (
    cell: number,
    columns: readonly Column[],
    take: (column: number, trial: number, value: Value) => void,
  ) => {
    let trial = 0;
    for (const part of parts.filter((each) => spansOf(each, cell).length > 0)) {
      const [cells = [], ...values] = await readPart(part, ['cell', ...columns]);
      cells.forEach((of, row) => {
        if (of !== cell) return;
        values.forEach((column, i) => take(i, trial, column[row]!));
        trial++;
      });
    }
  };
  return {
    async outcomes(cell) {
      const ended: Outcome[] = [];
      await read(cell, ['outcome'], (_, trial, value) => (ended[trial] = value as Outcome));
      return ended;
    },
    async stationarities(cell) {
      const ends: Stationarity[] = [];
      await read(cell, ['stationarity'], (_, trial, value) => (ends[trial] = value as Stationarity));
      return ends;
    },
    async numbers(cell, columns) {
      const spans = parts.flatMap((part) => spansOf(part, cell));
      const trials = spans.reduce((sum, { from, to }) => sum + to - from, 0);
      const values = columns.map(() => new Float64Array(trials));
      await read(cell, columns, (i, trial, value) => (values[i]![trial] = Number(value ?? NaN)));
      return values;
    },
  };
}
