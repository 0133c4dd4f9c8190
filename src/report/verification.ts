/** What a verification found, as a table for the terminal, as a page, and as JSON. */
import type { Provenance } from '../results/provenance.js';
import type { Allowed, Finding } from '../verify/check.js';
import { formatInterval, formatNumber } from './format.js';
import { page } from './html.js';
import { convergenceFigures } from './plots/convergence.js';
import { wrappedTable, type TableRows } from './table.js';

/** "at most 1.000e-4", or the bounds. */
function formatAllowed({ from, to }: Allowed): string {
  if (to === Infinity) return `at least ${formatNumber(from)}`;
  return from === 0 || from === -Infinity ? `at most ${formatNumber(to)}` : formatInterval(from, to);
}

/** "5 of 6 checks pass." */
export function verdict(findings: readonly Finding[]): string {
  const failed = findings.filter(({ pass }) => !pass).map(({ id, backend }) => `${id} on ${backend}`);
  const count = `${findings.length - failed.length} of ${findings.length} checks pass.`;
  return failed.length > 0 ? `${count} Failed: ${failed.join(', ')}.` : count;
}

/** A row per finding: what is claimed, where, and what was measured against what is allowed. */
export function verificationRows(findings: readonly Finding[]): TableRows {
  return {
    head: ['claim', 'stated in', 'backend', 'measured, worst case', 'allowed, and why', 'pass'],
    numeric: [false, false, false, false, false, false],
    shares: [8, 5, 0, 5, 6, 0],
    rows: findings.map(({ id, claim, source, backend, measured, where, allowed, pass }) => [
      `${id}\n${claim}`,
      source,
      backend,
      `${formatNumber(measured)}\n${where}`,
      `${formatAllowed(allowed)}\n${allowed.reason}`,
      pass ? 'yes' : 'FAIL',
    ]),
    marked: findings.map(({ pass }) => !pass),
    notes: [],
  };
}

/** The table and the verdict, at most `width` characters wide. */
export const verificationTable = (findings: readonly Finding[], width: number): string =>
  `${wrappedTable(verificationRows(findings), width)}\n${verdict(findings)}`;

/** The page: the verdict, a plot for every finding that has curves, and the table. */
export function verificationHtml(
  title: string,
  provenance: Provenance,
  findings: readonly Finding[],
): Promise<string> {
  const rows = { heading: 'Checks', ...verificationRows(findings) };
  return page(title, provenance, findings.flatMap(convergenceFigures), rows, verdict(findings));
}

/** An array of findings. JSON has no NaN and no infinity: they become null. */
export function verificationJson(findings: readonly Finding[]): string {
  const finite = (value: number) => (Number.isFinite(value) ? value : null);
  const records = findings.map(({ id, claim, source, backend, measured, allowed, where, pass }) => ({
    id,
    claim,
    source,
    backend,
    measured: finite(measured),
    allowed: { from: finite(allowed.from), to: finite(allowed.to), reason: allowed.reason },
    where,
    pass,
  }));
  return JSON.stringify(records, null, 2);
}
