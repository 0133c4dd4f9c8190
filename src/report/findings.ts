/** Findings of a verification as text. */
import type { Allowed, Finding } from '../verify/check.js';
import { formatInterval, formatNumber } from './format.js';
import type { TableRows } from './table.js';

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
