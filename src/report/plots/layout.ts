/** Layout shared by the plots: titles that wrap, series set apart along the rank axis and by colour. */
import { wrapText } from '../format.js';
import type { Series } from '../series.js';
import { seriesColors } from './theme.js';

/** A title with its subtitle broken into lines of at most `width` characters. */
export function plotTitle(text: string, subtitle: string, width = 88): { text: string; subtitle: string[] } {
  return { text, subtitle: wrapText(subtitle, width) };
}

/** Place of series `index` of `count` at a rank: a tenth of a doubling apart, in all at most three. */
export function rankAside(rank: number, index: number, count: number): number {
  return count < 2 ? rank : rank * 2 ** (Math.min(0.1, 0.3 / (count - 1)) * (index - (count - 1) / 2));
}

/** Encoding of the field `series` by colour, with a legend if there are several series. */
export const seriesColor = (series: readonly Series[]) => ({
  field: 'series',
  type: 'nominal' as const,
  scale: { domain: series.map(({ label }) => label), range: seriesColors(series.length) },
  legend:
    series.length > 1
      ? {
          title: null,
          orient: 'bottom' as const,
          columns: 1,
          symbolType: 'circle' as const,
          symbolOpacity: 1,
        }
      : null,
});
