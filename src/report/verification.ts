/** Findings of a verification as a table for the terminal, as a page, and as JSON. */
import type { Provenance } from '../host/provenance.js';
import type { Finding } from '../verify/check.js';
import { verdict, verificationRows } from './findings.js';
import { page } from './html.js';
import { convergenceFigures } from './plots/convergence.js';
import { wrappedTable } from './table.js';

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
