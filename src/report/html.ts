/**
 * One self-contained HTML page for a result: inline SVG and CSS, no script, nothing loaded from
 * elsewhere, so it opens offline, prints, and can be mailed. Everything from outside is escaped.
 */
import { outcomes, type Outcome } from '../method/outcome.js';
import type { Provenance } from '../host/provenance.js';
import type { CellSummary } from '../sweep/summary.js';
import { formatAbove, formatNumber } from './format.js';
import { outcomeNames } from './outcomes.js';
import { renderSvg, simulationFigures, sweepFigures, type Figure } from './plots.js';
import type { SimulationReport } from '../simulation/report.js';
import { fullFineTuningNotes } from './outcomes.js';
import { endOf, trialNotes } from './stationarity.js';
import { riskAnswers, simulationAnswers } from './riskWords.js';
import { style } from './style.js';
import { outcomeCounts } from './outcomes.js';
import { sweepRows, type TableRows } from './table.js';

/** Content of a page about a sweep. */
export interface SweepReport {
  readonly title: string;
  readonly provenance: Provenance;
  readonly cells: readonly CellSummary[];
}

/** The page of a sweep: plots, the table of all cells, and where the numbers came from. */
export async function sweepHtml({ title, provenance, cells }: SweepReport): Promise<string> {
  const { notes, ...rows } = sweepRows(cells);
  const answers = riskAnswers(cells);
  const others = notes.filter((note) => !answers.includes(note));
  return page(
    title,
    provenance,
    sweepFigures(cells),
    { heading: 'Cells', ...rows, notes: others },
    answers.join(' '),
  );
}

/** The page of a simulation: plots, how the trials ended, and where the numbers came from. */
export async function simulationHtml(report: SimulationReport): Promise<string> {
  return page(
    report.title,
    report.provenance,
    simulationFigures(report),
    { heading: 'Trials', ...trialRows(report) },
    simulationAnswers(report).join(' '),
  );
}

function trialRows(report: SimulationReport): TableRows {
  const { trials, excessFloor, risk } = report;
  const last = (values: readonly number[] | null) => formatNumber(values?.at(-1) ?? null);
  const count = (name: Outcome) => trials.filter(({ outcome }) => outcome === name).length;
  const counts = Object.fromEntries(outcomeNames.map((name) => [name, count(name)])) as Record<
    Outcome,
    number
  >;
  return {
    head: [
      ...['trial', 'final loss', 'excess over the optimum'],
      ...(risk ? ['final risk, relative'] : []),
      ...['gradient norm', 'outcome'],
    ],
    numeric: [true, true, true, ...(risk ? [true] : []), true, false],
    rows: trials.map(({ trial, loss, excess, gradientNorm, ...end }) => [
      String(trial),
      last(loss),
      formatAbove(excess?.at(-1) ?? null, excessFloor),
      ...(risk ? [formatNumber((risk.trials[trial]?.at(-1) ?? NaN) / risk.scale)] : []),
      last(gradientNorm),
      endOf(end),
    ]),
    notes: [
      `Outcomes: ${outcomeCounts(counts)}.`,
      ...outcomeNames.filter((name) => counts[name] > 0).map((name) => `${name}: ${outcomes[name]}.`),
      ...trialNotes(trials),
      ...fullFineTuningNotes(report),
    ],
  };
}

/** A table with its heading. */
type HeadedRows = TableRows & { readonly heading: string };

/** A page of figures and tables; `summary` is the sentence that comes first, if there is one. */
export async function page(
  title: string,
  provenance: Provenance,
  figures: readonly Figure[],
  rows: HeadedRows | readonly HeadedRows[],
  summary = '',
): Promise<string> {
  const { config, ...origin } = provenance;
  const figureSections = await Promise.all(figures.map(figureHtml));
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escapeHtml(title)}</title>
<style>${style}</style>
</head>
<body>
<header>
<h1>${escapeHtml(title)}</h1>
<p>rankflow ${escapeHtml(origin.rankflow)}, ${escapeHtml(origin.backend)} on ${escapeHtml(origin.device)}, ${escapeHtml(origin.startedAt)}</p>
</header>
<main>
${summary && `<p class="summary">${escapeHtml(summary)}</p>`}
${figureSections.join('\n')}
${[rows].flat().map(rowsHtml).join('\n')}
<section>
<h2>Provenance</h2>
<details>
<summary>Versions, device and resolved configuration</summary>
<dl>
${Object.entries(origin)
  .map(([name, value]) => `<dt>${escapeHtml(name)}</dt><dd>${escapeHtml(String(value ?? 'unknown'))}</dd>`)
  .join('\n')}
</dl>
<pre>${escapeHtml(JSON.stringify(config, null, 2) ?? '')}</pre>
</details>
</section>
</main>
</body>
</html>
`;
}

const rowsHtml = (rows: HeadedRows): string => `<section>
<h2>${escapeHtml(rows.heading)}</h2>
${tableHtml(rows)}
${rows.notes.map((note) => `<p>${escapeHtml(note)}</p>`).join('\n')}
</section>`;

async function figureHtml({ id, heading, caption, command, spec }: Figure): Promise<string> {
  return `<section>
<h2>${escapeHtml(heading)}</h2>
<figure id="${escapeHtml(id)}">
${inlineSvg(await renderSvg(spec), `${heading}. ${caption}`)}
<figcaption>${escapeHtml(caption.replaceAll(' %', '\u00a0%'))}</figcaption>
</figure>
${command === undefined ? '' : `<pre>${escapeHtml(command)}</pre>\n`}</section>`;
}

/** The SVG document as an element that scales with the page and is announced by its label. */
function inlineSvg(svg: string, label: string): string {
  const size = /viewBox="([-\d.]+ [-\d.]+ ([\d.]+) [\d.]+)"/.exec(svg);
  const [, viewBox = '0 0 640 400', width = '640'] = size ?? [];
  const open =
    `<svg role="img" aria-label="${escapeHtml(label)}" viewBox="${viewBox}" ` +
    `width="100%" style="max-width:${width}px">`;
  return svg.replace(/^[\s\S]*?<svg[^>]*>/, () => open);
}

function tableHtml({ head, numeric, rows, shares, marked }: TableRows): string {
  const attributes = numeric.map((isNumeric, column) =>
    isNumeric ? ' class="number"' : shares?.[column] ? ' class="wrapped"' : '',
  );
  const cells = (tag: 'td' | 'th scope="col"', texts: readonly string[]) =>
    texts
      .map((text, column) => `<${tag}${attributes[column] ?? ''}>${escapeHtml(text)}</${tag.slice(0, 2)}>`)
      .join('');
  return `<div class="wide"><table>
<thead><tr>${cells('th scope="col"', head)}</tr></thead>
<tbody>
${rows.map((row, i) => `<tr${marked?.[i] ? ' class="marked"' : ''}>${cells('td', row)}</tr>`).join('\n')}
</tbody>
</table></div>`;
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? character);
}
