/**
 * Sorting the cells of a sweep into series: cells that differ in rank alone belong to one series, which is
 * one line of a plot. A series is named by the fields that vary over the sweep and by nothing else.
 */
import { conditionWords } from '../sweep/conditions.js';
import type { CellSummary } from '../sweep/summary.js';

/** A property of a cell, other than its rank, that may set one series apart from another. */
export interface Field {
  readonly name: string;
  /** The value as a table cell. */
  readonly value: (cell: CellSummary) => string;
  /** The value as part of a series label, where the field's name may be needed to understand it. */
  readonly label: (cell: CellSummary) => string;
}

/** Cells that differ in rank alone, by rising rank. */
export interface Series {
  readonly label: string;
  readonly cells: readonly CellSummary[];
}

/** The alpha that `scaleOf` was given. */
function alphaOf({ scaling, scale, rank }: CellSummary): string {
  switch (scaling) {
    case 'none':
      return String(scale);
    case 'lora':
      return String(Number((scale * rank).toPrecision(6)));
    case 'rslora':
      return String(Number((scale * Math.sqrt(rank)).toPrecision(6)));
  }
}

const shapeOf = ({ n, m }: CellSummary) => `${n} x ${m}`;

const fields: readonly Field[] = [
  { name: 'loss', value: (cell) => cell.loss, label: (cell) => cell.loss },
  { name: 'target', value: (cell) => cell.target, label: (cell) => cell.target },
  { name: 'shape', value: shapeOf, label: shapeOf },
  { name: 'initialization', value: (cell) => cell.initialization, label: (cell) => cell.initialization },
  { name: 'flow', value: (cell) => cell.flow, label: (cell) => `${cell.flow} flow` },
  { name: 'scaling', value: (cell) => cell.scaling, label: (cell) => `scaling ${cell.scaling}` },
  { name: 'alpha', value: alphaOf, label: (cell) => `alpha ${alphaOf(cell)}` },
];

/** The fields with more than one value over the cells. */
export function varyingFields(cells: readonly CellSummary[]): readonly Field[] {
  return fields.filter(({ value }) => new Set(cells.map(value)).size > 1);
}

/** Label of what all the cells have in common, for a subtitle: "frobenius, 64 x 64, gaussian, noise 0.5". */
export function commonLabel(cells: readonly CellSummary[]): string {
  const [first] = cells;
  if (!first) return '';
  const varying = varyingFields(cells);
  const plain: readonly string[] = [
    ...(first.flow === 'gradient' ? ['flow'] : []),
    ...(first.scaling === 'none' && first.scale === 1 ? ['scaling', 'alpha'] : []),
  ];
  const shared = fields.filter((field) => !varying.includes(field) && !plain.includes(field.name));
  const words = conditionWords(first).filter((word) =>
    cells.every((cell) => conditionWords(cell).includes(word)),
  );
  return [...shared.map(({ label }) => label(first)), ...words].join(', ');
}

/** The cells as series, in order of first appearance. */
export function seriesOf(cells: readonly CellSummary[]): readonly Series[] {
  const varying = varyingFields(cells);
  const groups = new Map<string, CellSummary[]>();
  for (const cell of cells) {
    const parts = varying.map(({ label }) => label(cell));
    const label = parts.join(', ') || cell.initialization;
    const group = groups.get(label);
    if (group) group.push(cell);
    else groups.set(label, [cell]);
  }
  return [...groups].map(([label, group]) => ({ label, cells: group.sort((a, b) => a.rank - b.rank) }));
}

/** The values of a property of the cells, each once, in order of first appearance. */
export function distinct<T>(cells: readonly CellSummary[], property: (cell: CellSummary) => T): readonly T[] {
  return [...new Set(cells.map(property))];
}
