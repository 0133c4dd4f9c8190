/** What the workloads gave: a table for the terminal, with notes below it, and records for a file. */
import { formatNumber, wrapText } from '../src/report/format.js';
import { table } from '../src/report/table.js';
import type { Provenance } from '../src/host/provenance.js';
import type { Sample } from './measure.js';
import type { Result } from './workload.js';

export const seconds = (value: number): string => {
  if (value >= 1) return `${value.toPrecision(4)} s`;
  return value >= 1e-3 ? `${(1e3 * value).toPrecision(4)} ms` : `${(1e6 * value).toPrecision(4)} us`;
};

const spread = ({ name, median, quartiles, runs }: Sample): string =>
  `${name}: ${seconds(median)}${runs.length > 1 ? ` [${quartiles.map(seconds).join(', ')}]` : ''}`;

const passed = ({ pass, skipped }: Result): string => {
  if (skipped !== undefined) return 'skipped';
  return pass === null ? '' : pass ? 'yes' : 'FAIL';
};

/** A row for each result: its value, its bar, and the median and quartiles of what was timed. */
export const resultsTable = (results: readonly Result[]): string =>
  table(
    ['workload', 'value', 'bar', 'pass', 'median [quartiles] of times'],
    results.map((result) => {
      const { id, value, unit, bar, sense, times = [] } = result;
      const withUnit = value === null ? '' : `${formatNumber(value)} ${unit}`.trim();
      const allowed = bar === null ? '' : `${sense} ${bar}`;
      return [id, withUnit, allowed, passed(result), times.map(spread).join('\n')];
    }),
    [false, true, true],
  );

/** How each was measured, or why it was not. */
export const notes = (results: readonly Result[], width: number): string =>
  results
    .flatMap(({ id, note, skipped }) => {
      const text = skipped === undefined ? note : `skipped: ${skipped}`;
      return text === undefined
        ? []
        : wrapText(`${id}: ${text}`, width - 2).map((line, i) => (i ? `  ${line}` : line));
    })
    .join('\n');

export const heading = ({ rankflow, commit, tfjs, runtime, device, startedAt }: Provenance): string =>
  [
    `rankflow ${rankflow} (${commit ?? 'no checkout'}), TensorFlow.js ${tfjs}, ${runtime}, ${startedAt}`,
    device,
  ].join('\n');
