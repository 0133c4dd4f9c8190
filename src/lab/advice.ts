/** The tab that advises on ranks, from a pair of checkpoints. */
import { html, nothing, type TemplateResult } from 'lit-html';
import { live } from 'lit-html/directives/live.js';
import { adapterTypes, type AdapterType } from '../advise/config.js';
import { formatCount, formatNumber, plural } from '../report/format.js';
import type { TableRows } from '../report/table.js';
import { errorFigure, heat } from './adviceFigures.js';
import { chosen } from './given.js';
import { sideNames, sides, type AdviceView, type Given, type Side } from './protocol.js';
import type { Actions, AdviceState, State } from './state.js';

const meanings = {
  base: 'the model before training',
  tuned: 'the model after it, or an adapter of PEFT with its adapter_config.json',
} as const;

export function advice({ advice: state }: State, actions: Actions): TemplateResult {
  return html`<div class="results">
    <section class="advise">
      <h2>Which rank for which weight?</h2>
      <p>
        From what training changed: ranks that leave the least of it out, for a budget of parameters. The
        files stay on your machine, and are read weight by weight.
      </p>
      <div class="sides">${side('base', state, actions)} ${side('tuned', state, actions)}</div>
      ${settings(state, actions)} ${bar(state, actions)}
    </section>
    ${state.view ? answer(state.view, state, actions) : nothing}
  </div>`;
}

function side(which: Side, state: AdviceState, actions: Actions): TemplateResult {
  const name = sideNames[which];
  const given = state[which];
  const take = (e: Event) => {
    const input = e.target as HTMLInputElement;
    if (input.files?.length) actions.give(which, chosen(input.files));
    input.value = '';
  };
  const pick = (e: Event) => ((e.currentTarget as Element).nextElementSibling as HTMLInputElement).click();
  return html`<div class="side" role="group" aria-label=${name} data-side=${which} ?data-given=${given}>
    <h3>${name}, ${meanings[which]}</h3>
    <p>${given ? foundText(given) : 'Drop it here: a .safetensors file, all its shards, or a folder.'}</p>
    <button type="button" class="quiet" @click=${pick}>Files of ${name} …</button>
    <input
      type="file"
      hidden
      multiple
      accept=".safetensors,.json"
      aria-label="Files of ${name}"
      @change=${take}
    />
    <button type="button" class="quiet" @click=${pick}>Folder of ${name} …</button>
    <input type="file" hidden webkitdirectory aria-label="Folder of ${name}" @change=${take} />
  </div>`;
}

const foundText = ({ label, tensors }: Given) => html`<b>${label}</b>, ${plural(tensors, 'tensor')}`;

function settings({ settings: { budget, maxRank, roundedBase }, phase }: AdviceState, actions: Actions) {
  const isBusy = isUnderWay(phase);
  const text = (label: string, key: 'budget' | 'maxRank', value: string) =>
    html`<label>
      ${label}
      <input
        type="text"
        name=${key}
        ?disabled=${isBusy}
        autocomplete="off"
        .value=${value}
        @change=${(e: Event) => actions.setAdvice({ [key]: (e.target as HTMLInputElement).value.trim() })}
      />
    </label>`;
  return html`<div class="settings">
    ${text('Budgets: parameters, or shares of BASE', 'budget', budget)}
    ${text('Most rank of a weight', 'maxRank', maxRank)}
    <label class="inline">
      <input
        type="checkbox"
        ?disabled=${isBusy}
        .checked=${live(roundedBase)}
        @change=${(e: Event) => actions.setAdvice({ roundedBase: (e.target as HTMLInputElement).checked })}
      />
      BASE was rounded to its type after training had begun from it
    </label>
  </div>`;
}

const isUnderWay = (phase: AdviceState['phase']) => ['running', 'writing', 'stopping'].includes(phase);

function bar(state: AdviceState, actions: Actions): TemplateResult {
  const { phase, base, tuned, done, total } = state;
  const isBusy = isUnderWay(phase);
  return html`<div class="bar">
    ${
      isBusy
        ? html`<button type="button" ?disabled=${phase === 'stopping'} @click=${actions.stopAdvising}>
            Stop
          </button>`
        : html`<button
            type="button"
            ?disabled=${!base || !tuned || phase === 'reading'}
            @click=${actions.advise}
          >
            Advise
          </button>`
    }
    <progress aria-label="Weights done" max=${Math.max(1, total)} .value=${done}></progress>
    <p>
      <span role="status">${statusText(state)}</span>
      ${isBusy && total > 0 ? `${formatCount(done)} of ${formatCount(total)} weights.` : ''}
    </p>
  </div>`;
}

function statusText({ phase, done, total, ...given }: AdviceState): string {
  switch (phase) {
    case 'reading':
      return 'Reading …';
    case 'running':
      return 'Comparing.';
    case 'writing':
      return 'Writing the adapter.';
    case 'stopping':
      return 'Stopping after the weight at hand …';
    case 'stopped':
      return `Stopped after ${formatCount(done)} of ${formatCount(total)} weights.`;
    case 'finished':
      return `Finished: ${formatCount(total)} weights compared.`;
    case 'idle': {
      const missing = sides.filter((which) => !given[which]).map((which) => sideNames[which]);
      return missing.length > 0 ? `${missing.join(' and ')} missing.` : 'Ready.';
    }
  }
}

function answer(view: AdviceView, state: AdviceState, actions: Actions): TemplateResult {
  const { shown } = state;
  return html`<section>
      <h2>Answer</h2>
      ${view.answers.map((text) => html`<p class="answer">${text}</p>`)}
      <p class="tools">
        <button type="button" @click=${() => actions.downloadAdvice('json')}>Download advice.json</button>
        <button type="button" class="quiet" @click=${() => actions.downloadAdvice('csv')}>
          Download CSV
        </button>
      </p>
    </section>
    <div class="figures">
      <figure>
        <figcaption>
          <h2>Rank of each weight</h2>
          <label class="inline">
            budget
            <select
              aria-label="Budget to look at"
              ?disabled=${isUnderWay(state.phase)}
              @change=${(e: Event) => actions.show((e.target as HTMLSelectElement).selectedIndex)}
            >
              ${view.budgets.map(({ text }, i) => html`<option ?selected=${i === shown}>${text}</option>`)}
            </select>
          </label>
        </figcaption>
        ${heat(view, shown)}
      </figure>
      <figure>
        <figcaption>
          <h2>Error against parameters</h2>
          <ul class="legend">
            <li><i></i>by gain over all weights</li>
            <li><i class="law"></i>uniform ranks 1, 2, 4, …</li>
            ${
              view.curves.some(({ role }) => role === 'rule')
                ? html`<li><i class="point"></i>rules weight by weight</li>`
                : nothing
            }
          </ul>
        </figcaption>
        <lab-plot .figure=${errorFigure(view.curves)}></lab-plot>
      </figure>
    </div>
    ${adapterOf(view, state, actions)} ${table('Budgets and rules', view.allocations)}
    ${table('Weights', view.weights)}
    <section>
      <h2>What this rests on</h2>
      <ul class="notes">
        ${view.notes.map((note) => html`<li>${note}</li>`)}
      </ul>
      ${
        view.leftOut.length === 0
          ? nothing
          : html`<details class="left-out">
              <summary>All that was left out (${formatCount(view.leftOut.length)}), and why</summary>
              ${grid('Left out', {
                head: ['tensor', 'why'],
                numeric: [false, false],
                rows: view.leftOut.map(({ name, reason }) => [name, reason]),
              })}
            </details>`
      }
    </section>
    <section>
      <h2>The same on the command line</h2>
      <pre tabindex="0"><code>${view.command}</code></pre>
    </section>`;
}

function adapterOf(
  { budgets }: AdviceView,
  { shown, dtype, adapter, phase }: AdviceState,
  actions: Actions,
): TemplateResult {
  const { text, ranks } = budgets[shown]!;
  const isEmpty = ranks.every((rank) => rank === 0);
  return html`<section>
    <h2>Adapter within ${text}</h2>
    <p class="tools">
      <button
        type="button"
        class="quiet"
        ?disabled=${isEmpty || isUnderWay(phase)}
        @click=${actions.writeAdapter}
      >
        Write it for PEFT
      </button>
      <label class="inline">
        in
        <select
          aria-label="Type of the adapter"
          ?disabled=${isUnderWay(phase)}
          @change=${(e: Event) => actions.setAdapterType((e.target as HTMLSelectElement).value as AdapterType)}
        >
          ${adapterTypes.map((each) => html`<option ?selected=${each === dtype}>${each}</option>`)}
        </select>
      </label>
      ${adapter?.files.map(
        ({ name }) =>
          html`<button type="button" @click=${() => actions.downloadAdapter(name)}>Download ${name}</button>`,
      )}
    </p>
    ${
      adapter === null
        ? nothing
        : html`<p class="hint">
            Measured in ${dtype}, it leaves a relative Frobenius error of ${formatNumber(adapter.error)}. Both
            files belong in one folder.
          </p>`
    }
  </section>`;
}

const table = (heading: string, rows: TableRows) =>
  html`<section>
    <h2>${heading}</h2>
    ${grid(heading, rows)}
  </section>`;

/** A table whose first column names its rows. */
const grid = (label: string, { head, numeric, rows }: Pick<TableRows, 'head' | 'numeric' | 'rows'>) =>
  html`<div class="scroll tall" tabindex="0" role="region" aria-label=${label}>
    <table class="advice">
      <thead>
        <tr>
          ${head.map((text, i) => html`<th scope="col" ?data-text=${!numeric[i]}>${text}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${rows.map(
          ([name, ...cells]) =>
            html`<tr>
              <th scope="row" data-text>${name}</th>
              ${cells.map((text, i) => html`<td ?data-text=${!numeric[i + 1]}>${text}</td>`)}
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
