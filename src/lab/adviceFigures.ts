/** Figures of advice: ranks by layer and kind as a coloured table, and the error against what ranks cost. */
import { interpolateViridis } from 'd3-scale-chromatic';
import { html, type TemplateResult } from 'lit-html';
import { formatCount, formatNumber } from '../report/format.js';
import type { Figure, Line } from './plot.js';
import type { AdviceView } from './protocol.js';

/** The ranks of a budget: a row for each layer, a column for each kind of weight. */
export function heat(
  { places: { start, layers, kinds, places }, budgets }: AdviceView,
  shown: number,
): TemplateResult {
  const ranks = budgets[shown]!.ranks;
  const most = Math.max(1, ...ranks);
  const at = new Map(places.map(({ layer, kind }, i) => [`${layer} ${kind}`, ranks[i]!]));
  const cell = (rank: number | undefined) =>
    rank === undefined ? html`<td></td>` : html`<td style=${colorsOf(rank / most)}>${rank}</td>`;
  return html`<div class="scroll tall" tabindex="0" role="region" aria-label="Rank of each weight">
    <table class="heat">
      <caption>
        ${start ? `Layers: ${start.slice(0, -1)}. ` : ''}Gaps did not change, or are not there.
      </caption>
      <thead>
        <tr>
          <th scope="col">layer</th>
          ${kinds.map((kind) => html`<th scope="col">${breakable(kind)}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${layers.map(
          (layer) =>
            html`<tr>
              <th scope="row">${layer}</th>
              ${kinds.map((kind) => cell(at.get(`${layer} ${kind}`)))}
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}

/** A name that may be broken after its dots. */
const breakable = (name: string) => name.split(/(?<=\.)/).map((part) => html`${part}<wbr />`);

/** A colour of viridis, `#rrggbb`, with black or white on it, whichever stands out more: 4.5 to 1 at least. */
function colorsOf(share: number): string {
  const background = interpolateViridis(share);
  const [r, g, b] = [1, 3, 5].map((at) => (parseInt(background.slice(at, at + 2), 16) / 255) ** 2.2);
  const luminance = 0.2126 * r! + 0.7152 * g! + 0.0722 * b!;
  return `background:${background};color:${luminance > 0.179 ? '#000' : '#fff'}`;
}

const looks: Readonly<Record<AdviceView['curves'][number]['role'], Omit<Line, 'name' | 'values'>>> = {
  advised: { color: '--simulated', width: 2 },
  uniform: { color: '--law', dash: [7, 5], width: 2, points: true },
  rule: { color: '--other', width: 2, points: true },
};

/** The curves over the parameters of all of them. */
export function errorFigure(curves: AdviceView['curves']): Figure {
  const at = [...new Set(curves.flatMap(({ points }) => points.map(({ parameters }) => parameters)))].sort(
    (a, b) => a - b,
  );
  const ends = curves
    .filter(({ points }) => points.length > 0)
    .map(({ name, points }) => {
      const { parameters, error } = points.at(-1)!;
      return `${name}: ${formatNumber(error)} at ${formatCount(parameters)}`;
    });
  return {
    description: `Relative Frobenius error against parameters of the adapter. ${ends.join('; ')}.`,
    x: { label: 'parameters of the adapter', scale: 'log' },
    y: { label: 'relative Frobenius error', scale: 'linear' },
    at,
    lines: curves.map(({ name, role, points }) => {
      const errors = new Map(points.map(({ parameters, error }) => [parameters, error]));
      return { name, ...looks[role], joined: true, values: at.map((x) => errors.get(x) ?? null) };
    }),
  };
}
