/** The results folder of a reproduction: report.html, and beside it for every claim its points as CSV and its plot. */
import { renderPng, renderSvg } from '../report/plots.js';
import { createFolder } from '../results/folder.js';
import { chartCsv, claimFigures, reproductionHtml } from './report.js';
import type { Reproduction } from './reproduce.js';

/**
 * Makes the folder with everything in it, all at once.
 * @throws InputError if there is something at `path` already, or nothing can be made there
 */
export async function writeReproduction(path: string, reproduction: Reproduction): Promise<void> {
  const files: Record<string, string | Uint8Array> = { 'report.html': await reproductionHtml(reproduction) };
  for (const { claim, demonstration } of reproduction.reproduced)
    if (demonstration) files[`${claim.id}.csv`] = chartCsv(demonstration.chart);
  for (const { id, spec } of claimFigures(reproduction))
    files[`${id}.png`] = await renderPng(await renderSvg(spec));
  createFolder(path, [], files);
}
