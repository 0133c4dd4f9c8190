/** Tables for the terminal, without colour codes so that they may be piped; sweepRows feeds the HTML page too. */
import Table from 'cli-table3';
import { outcomes, type Outcome } from '../method/outcome.js';
import type { CellSummary } from '../sweep/summary.js';
import { formatAbove, formatCount, formatInterval, formatNumber, shortTime, wrapText } from './format.js';
import { outcomeNames } from './outcomes.js';
import { bestStop, withRisk, type Estimate, type RiskCell, type RiskStop } from './risk.js';
import { riskAnswers, riskNotes } from './riskWords.js';
import { distinct, varyingFields } from './series.js';
import { endCounts, leftOutNotes, stationarityNotes } from './stationarity.js';

/** A table before it is drawn: text only, and for each column whether it holds numbers. */
export interface TableRows {
  readonly head: readonly string[];
  readonly numeric: readonly boolean[];
  readonly rows: readonly (readonly string[])[];
  /** Sentences to print below the table. */
  readonly notes: readonly string[];
  /** Share of the width that each column's text is wrapped to; 0 for one that is not wrapped (default: none is). */
  readonly shares?: readonly number[];
  /** Marks of the rows that are to stand out. */
  readonly marked?: readonly boolean[];
}

interface Column {
  readonly head: string;
  readonly numeric: boolean;
  readonly text: (cell: CellSummary) => string;
}

function columnsOf(cells: readonly CellSummary[]): readonly Column[] {
  const columns: Column[] = varyingFields(cells).map(({ name, value }) => ({
    head: name,
    numeric: false,
    text: value,
  }));
  if (distinct(cells, (cell) => cell.metric).length > 1)
    columns.push({ head: 'metric', numeric: false, text: ({ metric }) => metric });
  columns.push({ head: 'rank', numeric: true, text: ({ rank }) => String(rank) });
  if (withRisk(cells).length > 0) columns.push(...riskColumns(cells));
  else columns.push(...accuracyColumns(cells));
  if (cells.some(({ accuracy }) => accuracy.leftOut > 0))
    columns.push({
      head: 'trials counted',
      numeric: true,
      text: ({ accuracy: { count, leftOut } }) => `${formatCount(count)} of ${formatCount(count + leftOut)}`,
    });
  columns.push({ head: 'outcomes', numeric: false, text: endCounts });
  return columns;
}

/** The law of the metric, and the trials beside it. */
function accuracyColumns(cells: readonly CellSummary[]): readonly Column[] {
  const columns: Column[] = [
    { head: 'law', numeric: true, text: ({ law }) => formatNumber(law?.value ?? null) },
    {
      head: 'simulated mean',
      numeric: true,
      text: ({ accuracy: { mean }, accuracyFloor: floor }) => formatAbove(mean, floor),
    },
    {
      head: '95 % CI',
      numeric: true,
      text: ({ accuracy: { ciLow, ciHigh }, accuracyFloor: floor }) => formatInterval(ciLow, ciHigh, floor),
    },
  ];
  if (cells.some(({ accuracyBias }) => accuracyBias !== null))
    columns.push({
      head: 'bias at most',
      numeric: true,
      text: ({ accuracyBias }) => formatNumber(accuracyBias),
    });
  columns.push({
    head: 'median [5 %, 95 %]',
    numeric: true,
    text: ({ accuracy: { p50, p05, p95 }, accuracyFloor: floor }) =>
      Number.isFinite(p50) && !(floor !== null && p95 < floor)
        ? `${formatAbove(p50, floor)} ${formatInterval(p05, p95, floor)}`
        : formatAbove(p50, floor),
  });
  if (cells.some(({ zScore }) => zScore !== null))
    columns.push({ head: 'z-score', numeric: true, text: formatZ });
  return columns;
}

/** Relative risk at the end and at the best stop, each with its interval, and what training sees of it. */
function riskColumns(cells: readonly CellSummary[]): readonly Column[] {
  const numbers = (head: string, of: (cell: RiskCell) => string): Column => ({
    ...{ head, numeric: true },
    text: (cell) => withRisk([cell]).map(of)[0] ?? formatNumber(null),
  });
  const interval = (risk: Estimate | undefined) => (risk ? formatInterval(risk.ciLow, risk.ciHigh) : '-');
  const stop = (of: (found: RiskStop) => string) => (cell: RiskCell) => {
    const found = bestStop(cell);
    return found ? of(found) : formatNumber(null);
  };
  const law = numbers('law', ({ riskLaw, riskScale }) => formatNumber(riskLaw && riskLaw / riskScale));
  return [
    ...(cells.some(({ riskLaw }) => riskLaw !== null) ? [law] : []),
    numbers('risk at the end', ({ riskRelative }) => formatNumber(riskRelative.mean)),
    numbers('95 % CI', ({ riskRelative }) => interval(riskRelative)),
    numbers(
      'best stop',
      stop(({ time, pays }) => (pays ? `t = ${shortTime(time)}` : 'none')),
    ),
    numbers(
      'risk there',
      stop(({ risk }) => formatNumber(risk.mean)),
    ),
    numbers(
      '95 % CI',
      stop(({ risk }) => interval(risk)),
    ),
    numbers('training error', ({ accuracy, accuracyFloor }) => formatAbove(accuracy.mean, accuracyFloor)),
  ];
}

/** "1.20", or "1.20 ± 0.15" if the bias can account for that much of it. */
function formatZ({ zScore, zScoreBias }: CellSummary): string {
  if (zScore === null || !Number.isFinite(zScore)) return formatNumber(null);
  const bias = (zScoreBias ?? 0).toFixed(2);
  return `${zScore.toFixed(2)}${Number(bias) > 0 ? ` ± ${bias}` : ''}`;
}

function notesOf(cells: readonly CellSummary[]): readonly string[] {
  const metrics = distinct(cells, (cell) => cell.metric).join(', ');
  const laws = distinct(cells, (cell) => cell.law?.name).filter((name) => name !== undefined);
  const ofRisk = withRisk(cells).length > 0;
  const notes = ofRisk ? [...riskAnswers(cells), ...riskNotes(cells)] : [];
  if (ofRisk) {
    notes.push(`Training error: the ${metrics} that training sees, at the end.`);
    if (cells.some(({ riskLaw }) => riskLaw !== null))
      notes.push('Law: the spiked model of Benaych-Georges & Nadakuditi, the limit of large n and m.');
  } else if (cells.length > 0) notes.push(`Values are of: ${metrics}.`);
  if (!ofRisk && laws.length > 0) notes.push(`Law: ${laws.join(', ')}.`);
  if (cells.some(({ zScore }) => zScore !== null))
    notes.push(
      `z-score: of the mean square against the squared law, in standard errors${cells.some((cell) => formatZ(cell).includes('±')) ? ' (±: what the bias can account for)' : ''}.`,
    );
  if (cells.some(({ accuracyBias }) => accuracyBias !== null))
    notes.push(
      'bias: trials stop by --steady before their ends; the mean of their ends is at most so far from the interval.',
    );
  const trials = cells.reduce((sum, cell) => sum + cell.trials, 0);
  const total = (name: Outcome) => cells.reduce((sum, cell) => sum + cell.outcomes[name], 0);
  for (const name of outcomeNames.filter((each) => each !== 'stationary' && total(each) > 0)) {
    const share = `${formatCount(total(name))} of ${formatCount(trials)} trajectories`;
    notes.push(
      name === 'end-time'
        ? `end-time: ${share} had not become stationary by the end time; their error is that at the end time.`
        : `${name}: ${share} (${outcomes[name]}).`,
    );
  }
  return [...notes, ...leftOutNotes(cells), ...stationarityNotes(cells)];
}

/** The cells of a sweep as rows of text, one per cell, with a column for each field that varies. */
export function sweepRows(cells: readonly CellSummary[]): TableRows {
  const columns = columnsOf(cells);
  return {
    head: columns.map(({ head }) => head),
    numeric: columns.map(({ numeric }) => numeric),
    rows: cells.map((cell) => columns.map(({ text }) => text(cell))),
    notes: notesOf(cells),
  };
}

/** A sweep for the terminal: one line per cell, then what the reader must know to judge the numbers. */
export function sweepTable(cells: readonly CellSummary[]): string {
  const { head, numeric, rows, notes } = sweepRows(cells);
  return [table(head, rows, numeric), ...notes].join('\n');
}

/** A table whose columns with a share of the width are wrapped, so that it is at most `width` characters wide. */
export function wrappedTable({ head, numeric, rows, shares = [] }: TableRows, width: number): string {
  const all = shares.reduce((sum, share) => sum + share, 0);
  const fixed = head.map((name, column) =>
    shares[column] ? 0 : Math.max(...[name, ...rows.map((row) => row[column]!)].map((text) => text.length)),
  );
  const free = width - fixed.reduce((sum, characters) => sum + characters, 0) - 3 * head.length - 1;
  const wrapped = (row: readonly string[]) =>
    row.map((text, column) => {
      const share = shares[column];
      if (!share) return text;
      const characters = Math.max(1, Math.floor((free * share) / all));
      return text
        .split('\n')
        .flatMap((line) => wrapText(line, characters))
        .join('\n');
    });
  return table(wrapped(head), rows.map(wrapped), numeric, true);
}

/** A boxed table; the columns marked numeric are aligned to the right. */
export function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  numeric: readonly boolean[] = [],
  ruled = false,
): string {
  const noLine = ruled ? {} : { mid: '', 'mid-mid': '', 'left-mid': '', 'right-mid': '' };
  const headLine = { mid: '─', 'mid-mid': '┼', 'left-mid': '├', 'right-mid': '┤' };
  const box = new Table({
    head: [...head],
    colAligns: head.map((_, column) => (numeric[column] ? 'right' : 'left')),
    style: { head: [], border: [] },
    chars: noLine,
  });
  rows.forEach((row, index) => {
    box.push(index === 0 ? row.map((content) => ({ content, chars: headLine })) : [...row]);
  });
  return box.toString();
}
