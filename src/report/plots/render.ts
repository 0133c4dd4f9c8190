/**
 * Drawing of Vega-Lite specifications as SVG text and PNG bytes, in Node and without a browser. PNG text is set in
 * the DejaVu fonts of the npm package, so pictures come out the same on a machine without any font. The libraries are
 * loaded by the first picture: most commands draw none.
 */
import { createRequire } from 'node:module';
import type * as Vega from 'vega';
import type { TopLevelSpec } from 'vega-lite';
import { memoized } from '../../numbers/memoized.js';
import { config } from './theme.js';

const resolve = createRequire(import.meta.url).resolve;
const fontFiles = ['DejaVuSans.ttf', 'DejaVuSans-Bold.ttf', 'DejaVuSans-Oblique.ttf'].map((file) =>
  resolve(`dejavu-fonts-ttf/ttf/${file}`),
);

const font = {
  loadSystemFonts: false,
  fontFiles,
  defaultFontFamily: 'DejaVu Sans',
  sansSerifFamily: 'DejaVu Sans',
};

/** Empty space around a picture, in pixels. */
const margin = 14;

/** A logger that turns every warning into an error: a plot that Vega doubts is not shown. */
function strictLogger(warnLevel: number): Vega.LoggerInterface {
  const refuse = (...message: readonly unknown[]): never => {
    throw new Error(`invalid plot: ${message.map(String).join(' ')}`);
  };
  const ignore = () => logger;
  const logger: Vega.LoggerInterface = {
    level: ((level?: number) => (level === undefined ? warnLevel : logger)) as Vega.LoggerInterface['level'],
    error: refuse,
    warn: refuse,
    info: ignore,
    debug: ignore,
  };
  return logger;
}

/**
 * Draws a specification as a standalone SVG document, once: a picture is a file and a part of a page. Throws if Vega or
 * Vega-Lite warns of anything.
 */
export const renderSvg = memoized(async (spec: TopLevelSpec): Promise<string> => {
  const [vega, { compile }] = await Promise.all([import('vega'), import('vega-lite')]);
  const logger = strictLogger(vega.Warn);
  const compiled = compile(spec, { config, logger }).spec;
  const view = new vega.View(vega.parse(compiled), { renderer: 'none', logger });
  try {
    return await fitted(await view.toSVG());
  } finally {
    view.finalize();
  }
});

/**
 * The picture cut to what is drawn, on white. Without a canvas Vega guesses the width of text and leaves wide
 * empty margins, so the edges are sought among the pixels of a transparent rendering.
 */
async function fitted(svg: string): Promise<string> {
  const { Resvg } = await import('@resvg/resvg-js');
  const { pixels, width, height } = new Resvg(svg, { font }).render();
  let [left, top, right, bottom] = [width, height, -1, -1];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (!pixels[4 * (y * width + x) + 3]) continue;
      [left, right] = [Math.min(left, x), Math.max(right, x)];
      [top, bottom] = [Math.min(top, y), Math.max(bottom, y)];
    }
  }
  if (right < left) return svg;
  const corner = `${left - margin} ${top - margin}`;
  const [wide, high] = [right - left + 1 + 2 * margin, bottom - top + 1 + 2 * margin];
  const open =
    `<svg xmlns="http://www.w3.org/2000/svg" width="${wide}" height="${high}" viewBox="${corner} ${wide} ${high}">` +
    `<rect x="${left - margin}" y="${top - margin}" width="${wide}" height="${high}" fill="white"/>`;
  return svg.replace(/^[\s\S]*?<svg[^>]*>/, () => open);
}

/** Rasterizes an SVG document at twice its nominal size, on white. */
export async function renderPng(svg: string): Promise<Uint8Array> {
  const { Resvg } = await import('@resvg/resvg-js');
  const options = { background: 'white', fitTo: { mode: 'zoom' as const, value: 2 }, font };
  return new Resvg(svg, options).render().asPng();
}
