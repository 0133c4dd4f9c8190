/** The table of trials, page by page, and its files. */
import { html, nothing, type TemplateResult } from 'lit-html';
import { formatAbove, formatCount, formatNumber } from '../report/format.js';
import { endOf } from '../report/stationarity.js';
import type { TrialRow } from '../sweep/row.js';
import type { RankPlan } from './protocol.js';
import { PAGE, type Actions, type State } from './state.js';

const columns: readonly {
  readonly head: string;
  readonly text: (row: TrialRow, rank: RankPlan | undefined) => string;
}[] = [
  { head: 'rank', text: ({ rank }) => String(rank) },
  { head: 'trial', text: ({ trial }) => String(trial) },
  { head: 'outcome', text: endOf },
  { head: 'accuracy', text: ({ accuracy }, rank) => formatAbove(accuracy, rank?.floor ?? null) },
  { head: 'loss', text: ({ loss }) => formatNumber(loss) },
  { head: 'excess', text: ({ excess }, rank) => formatAbove(excess, rank?.excessFloor ?? null) },
  { head: 'time t', text: ({ time }) => formatNumber(time) },
  {
    head: 'steps',
    text: ({ accepted_steps, rejected_steps }) => formatCount(accepted_steps + rejected_steps),
  },
];

export function trials({ prepared, rows, page, progress }: State, actions: Actions): TemplateResult {
  const done = progress?.done ?? 0;
  const pages = Math.max(1, Math.ceil(done / PAGE));
  const leaf = (to: number, words: string, able: boolean) =>
    html`<button type="button" class="quiet" ?disabled=${!able} @click=${() => actions.page(to)}>
      ${words}
    </button>`;
  return html`<section>
    <h2>Trials</h2>
    <p class="tools">
      <button type="button" ?disabled=${done === 0} @click=${() => actions.download('parquet')}>
        Download Parquet
      </button>
      <button type="button" class="quiet" ?disabled=${done === 0} @click=${() => actions.download('csv')}>
        Download CSV
      </button>
      ${leaf(page - 1, 'Previous', page > 0)}
      <span>page ${formatCount(page + 1)} of ${formatCount(pages)}</span>
      ${rows.length === 0 ? leaf(page, 'Show', done > 0) : leaf(page + 1, 'Next', page + 1 < pages)}
    </p>
    ${
      rows.length === 0
        ? nothing
        : html`<div class="scroll" tabindex="0" role="region" aria-label="Trials">
            <table>
              <thead>
                <tr>
                  ${columns.map(({ head }) => html`<th scope="col">${head}</th>`)}
                </tr>
              </thead>
              <tbody>
                ${rows.map(
                  (row) =>
                    html`<tr>
                      ${columns.map(
                        ({ text }) =>
                          html`<td>
                            ${text(
                              row,
                              prepared?.ranks.find(({ rank }) => rank === row.rank),
                            )}
                          </td>`,
                      )}
                    </tr>`,
                )}
              </tbody>
            </table>
          </div>`
    }
  </section>`;
}
