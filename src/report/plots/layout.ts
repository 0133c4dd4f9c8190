/** Placement shared by the plots: titles that wrap, series set apart along the rank axis. */
import { wrapText } from '../format.js';

/** A title with its subtitle broken into lines of at most `width` characters. */
export function plotTitle(text: string, subtitle: string, width = 88): { text: string; subtitle: string[] } {
  return { text, subtitle: wrapText(subtitle, width) };
}

/** Place of series `index` of `count` at a rank: a tenth of a doubling apart, in all at most three. */
export function rankAside(rank: number, index: number, count: number): number {
  return count < 2 ? rank : rank * 2 ** (Math.min(0.1, 0.3 / (count - 1)) * (index - (count - 1) / 2));
}
