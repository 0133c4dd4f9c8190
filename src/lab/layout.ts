/** Layout of the page, as a function of its state. */
import { html, nothing, type TemplateResult } from 'lit-html';
import { formatAbove, formatCount, formatNumber } from '../report/format.js';
import { endCounts } from '../report/stationarity.js';
import { tabs } from './address.js';
import { advice } from './advice.js';
import { controls } from './controls.js';
import { accuracyFigure, lossFigure, paceFigure, singularValuesFigure } from './figures.js';
import type { RankProgress } from './protocol.js';
import type { Actions, State } from './state.js';
import type { Figure } from './plot.js';
import { trials } from './trials.js';
import { verification } from './verification.js';

const tabNames = { sweep: 'Sweep', advise: 'Advise', verify: 'Verify' } as const;

export const layout = (state: State, actions: Actions): TemplateResult => html`
  <header>
    <h1>rankflow lab</h1>
    <p>
      How much of a weight matrix can LoRA of rank r learn? Gradient flows, integrated here, beside their
      laws.
    </p>
    <nav aria-label="Views">
      ${tabs.map(
        (tab) =>
          html`<button
            type="button"
            aria-current=${state.tab === tab ? 'page' : 'false'}
            @click=${() => actions.open(tab)}
          >
            ${tabNames[tab]}
          </button>`,
      )}
    </nav>
  </header>
  ${
    state.problem?.tab !== state.tab
      ? nothing
      : html`<div role="alert" class="problem">
          <p>${state.problem.text}</p>
          <button type="button" class="quiet" @click=${actions.dismiss}>Dismiss</button>
        </div>`
  }
  ${views[state.tab](state, actions)}
`;

const sweep = (state: State, actions: Actions): TemplateResult => html`
  <div class="sweep">
    <form aria-label="Sweep" @submit=${(e: Event) => e.preventDefault()}>
      <details .open=${state.wide}>
        <summary>Settings</summary>
        ${controls({ ...state, ...actions })}
      </details>
    </form>
    <div class="results">
      ${bar(state, actions)} ${figures(state, actions)} ${summary(state)} ${trials(state, actions)}
      ${
        state.prepared === null
          ? nothing
          : html`<section>
              <h2>The same on the command line</h2>
              <pre tabindex="0"><code>${state.prepared.command}</code></pre>
            </section>`
      }
    </div>
  </div>
`;

const views = { sweep, advise: advice, verify: verification } as const;

function bar(state: State, actions: Actions): TemplateResult {
  const { phase, progress, prepared } = state;
  const total = prepared?.ranks.reduce((sum, { trials: count }) => sum + count, 0) ?? 0;
  const main =
    phase === 'running'
      ? html`<button type="button" @click=${actions.pause}>Pause</button>`
      : phase === 'paused'
        ? html`<button type="button" @click=${actions.resume}>Resume</button>`
        : html`<button type="button" ?disabled=${phase === 'planning' || !prepared} @click=${actions.run}>
            Run
          </button>`;
  return html`<section class="bar" aria-label="Progress">
    ${main}
    <button type="button" class="quiet" ?disabled=${!progress} @click=${actions.reset}>Reset</button>
    <progress aria-label="Trajectories done" max=${total} .value=${progress?.done ?? 0}></progress>
    <p><span role="status">${statusText(state, total)}</span> ${countText(state)}</p>
  </section>`;
}

/** Said when it changes, and so not with every trajectory. */
function statusText({ phase, progress, running }: State, total: number): string {
  const all = `${formatCount(total)} trajectories`;
  const place = running ? `on ${running.backend}, ${running.how}` : '';
  switch (phase) {
    case 'planning':
      return 'Planning …';
    case 'running':
      return running ? `Running ${place}.` : 'Starting …';
    case 'paused':
      return `Paused ${place}.`;
    case 'stopped':
      return progress ? 'Stopped.' : `${all}, stopped.`;
    case 'finished':
      return `Finished: ${all} ${place}.`;
    case 'idle':
      return total > 0 ? `${all}, ready to run.` : 'Nothing to run.';
  }
}

const countText = ({ phase, progress }: State): string =>
  progress && phase !== 'finished'
    ? `${formatCount(progress.done)} of ${formatCount(progress.total)} trajectories.`
    : '';

const figure = (title: string, content: Figure, legend: readonly Key[], more: unknown = nothing) => html`
  <figure>
    <figcaption>
      <h2>${title}</h2>
      ${more}
      <ul class="legend">
        ${legend.map(({ kind, text }) => html`<li><i class=${kind}></i>${text}</li>`)}
      </ul>
    </figcaption>
    <lab-plot .figure=${content}></lab-plot>
  </figure>
`;

interface Key {
  readonly kind: 'simulated' | 'band' | 'law' | 'other' | 'dotted' | 'ordered';
  readonly text: string;
}

const keys = (...list: readonly (Key | false | null)[]): Key[] =>
  list.filter((key) => key !== false && key !== null);

function figures(state: State, actions: Actions): TemplateResult {
  const { prepared, look, progress, singularValues } = state;
  if (!prepared || !look) return html`<div class="figures" aria-busy="true"></div>`;
  const lineCount = progress?.lines.length ?? 0;
  const { trials: all = 0 } = prepared.ranks.find(({ rank }) => rank === look.rank) ?? {};
  return html`<div class="figures">
    ${figure(
      `Rank against ${prepared.metric}`,
      accuracyFigure(prepared, progress),
      keys(
        prepared.lawName !== null && {
          kind: 'law',
          text: prepared.ranks.some(({ law }) => law === 0)
            ? `${prepared.lawName} (0 at full rank, not drawn)`
            : prepared.lawName,
        },
        { kind: 'simulated', text: 'simulated, median' },
        { kind: 'band', text: '5–95 %' },
      ),
    )}
    ${figure(
      'Loss over time',
      lossFigure(look, progress?.lines ?? []),
      keys(
        { kind: 'simulated', text: lineCount > 0 ? `${lineCount} of ${formatCount(all)} trials` : 'trials' },
        look.closedForm && { kind: 'law', text: `${look.closedForm.name}, trial 0` },
        look.fullFineTuning && { kind: 'other', text: 'full fine-tuning' },
        Boolean(look.optimum) && { kind: 'dotted', text: 'optimum of this rank' },
      ),
      html`<label class="inline">
        rank
        <select
          aria-label="Rank to look at"
          @change=${(e: Event) => actions.look(Number((e.target as HTMLSelectElement).value))}
        >
          ${prepared.ranks.map(({ rank }) => html`<option value=${rank} ?selected=${rank === look.rank}>${rank}</option>`)}
        </select>
      </label>`,
    )}
    ${figure(
      'Singular values of the update',
      singularValuesFigure(look, singularValues),
      keys(
        {
          kind: 'ordered',
          text: `σ₁ to σ of rank ${look.rank}, ${singularValues?.trials.length ?? 'a few'} trials`,
        },
        look.target && { kind: 'dotted', text: 'of the target' },
      ),
    )}
    ${pace(state)}
  </div>`;
}

function pace({ progress, running }: State): TemplateResult {
  const fact = (name: string, value: string) =>
    html`<div>
      <dt>${name}</dt>
      <dd>${value}</dd>
    </div>`;
  const steps = progress ? progress.accepted + progress.rejected : NaN;
  return html`<figure>
    <figcaption><h2>Throughput</h2></figcaption>
    <dl>
      ${fact('device', running?.device ?? '-')}
      ${fact('trajectories / s', formatCount(progress && progress.seconds > 0 ? progress.done / progress.seconds : NaN))}
      ${fact('steps / s', formatCount(progress && progress.seconds > 0 ? steps / progress.seconds : NaN))}
      ${fact('steps', formatCount(steps))} ${fact('rejected', formatCount(progress?.rejected ?? NaN))}
      ${fact('evaluations', formatCount(progress?.evaluations ?? NaN))}
      ${fact('tensors held', progress ? `${progress.tensors}, ${formatNumber(progress.bytes / 2 ** 20)} MiB` : '-')}
    </dl>
    ${
      progress && progress.pace.rate.length > 1
        ? html`<lab-plot .figure=${paceFigure(progress)}></lab-plot>`
        : nothing
    }
  </figure>`;
}

/** "28 stationary (3 at a saddle), 2 diverged, 4 under way, 2 left out of the statistics". */
function endsOf(rankProgress: RankProgress): string {
  const { underWay, accuracy } = rankProgress;
  return [
    endCounts(rankProgress),
    underWay > 0 ? `${formatCount(underWay)} under way` : '',
    accuracy.leftOut > 0 ? `${formatCount(accuracy.leftOut)} left out of the statistics` : '',
  ]
    .filter(Boolean)
    .join(', ');
}

function summary({ prepared, progress }: State): TemplateResult {
  if (!prepared) return html``;
  return html`<section>
    <h2>By rank</h2>
    <div class="scroll" tabindex="0" role="region" aria-label="Results by rank">
      <table>
        <thead>
          <tr>
            <th scope="col">rank</th>
            <th scope="col">law</th>
            <th scope="col">median</th>
            <th scope="col">5 %</th>
            <th scope="col">95 %</th>
            <th scope="col">mean</th>
            <th scope="col">steps, median</th>
            <th scope="col">trials</th>
          </tr>
        </thead>
        <tbody>
          ${prepared.ranks.map(({ rank, law, floor, trials: count }, i) => {
            const rankProgress = progress?.ranks[i];
            const { accuracy, steps } = rankProgress ?? {};
            const cell = (value: number | undefined) => html`<td>${formatAbove(value ?? null, floor)}</td>`;
            return html`<tr>
              <th scope="row">${rank}</th>
              <td>${formatNumber(law)}</td>
              ${cell(accuracy?.p50)} ${cell(accuracy?.p05)} ${cell(accuracy?.p95)} ${cell(accuracy?.mean)}
              <td>${formatCount(steps?.p50 ?? NaN)}</td>
              <td class="words">${rankProgress ? endsOf(rankProgress) : `${formatCount(count)} to do`}</td>
            </tr>`;
          })}
        </tbody>
      </table>
    </div>
  </section>`;
}
