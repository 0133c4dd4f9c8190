/** The tab that runs the verification layer on the visitor's backend. */
import { html, nothing, type TemplateResult } from 'lit-html';
import { live } from 'lit-html/directives/live.js';
import { verdict, verificationRows } from '../report/findings.js';
import type { Actions, State } from './state.js';

export function verification(state: State, actions: Actions): TemplateResult {
  const { backends, groups, verifyBackend, verifying, checks, findings } = state;
  const only = state.only ?? groups;
  const { head, rows, marked } = verificationRows(findings);
  return html`<section class="verify">
    <h2>Is it right, here?</h2>
    <p>
      Measures what rankflow rests on, on this machine: hand-derived flows against automatic differentiation
      and differences, simultaneous against sequential updates, invariants, closed forms, kernels. On a
      software driver it takes many minutes.
    </p>
    <div class="groups" role="group" aria-label="Checks to make">
      ${groups.map(
        (group) =>
          html`<label class="inline">
            <input
              type="checkbox"
              ?disabled=${verifying}
              .checked=${live(only.includes(group))}
              @change=${(e: Event) => actions.verifyOnly(toggle(groups, only, group, (e.target as HTMLInputElement).checked))}
            />
            ${group}
          </label>`,
      )}
    </div>
    <div class="bar">
      ${
        verifying
          ? html`<button type="button" @click=${actions.stopVerifying}>Stop</button>`
          : html`<button type="button" ?disabled=${!backends || only.length === 0} @click=${actions.verify}>
              Verify
            </button>`
      }
      <label class="inline">
        on
        <select
          aria-label="Backend to verify"
          ?disabled=${verifying}
          @change=${(e: Event) => actions.verifyOn((e.target as HTMLSelectElement).value)}
        >
          <option ?selected=${verifyBackend === 'auto'}>auto</option>
          ${(backends ?? []).map(
            ({ name, available }) =>
              html`<option ?disabled=${!available} ?selected=${verifyBackend === name}>${name}</option>`,
          )}
        </select>
      </label>
      <progress aria-label="Checks made" max=${Math.max(1, checks)} .value=${findings.length}></progress>
      <p>
        <span role="status">${statusText(state)}</span>
        ${verifying ? `${findings.length} of ${checks || '…'} checks made.` : ''}
      </p>
    </div>
    ${
      findings.length === 0
        ? nothing
        : html`<div class="scroll" tabindex="0" role="region" aria-label="Checks">
            <table class="checks">
              <thead>
                <tr>
                  ${head.map((text) => html`<th scope="col">${text}</th>`)}
                </tr>
              </thead>
              <tbody>
                ${rows.map(
                  (row, i) =>
                    html`<tr class=${marked?.[i] ? 'failed' : ''}>
                      ${row.map((text) => html`<td>${text.split('\n').map((line, k) => (k ? html`<br /><small>${line}</small>` : line))}</td>`)}
                    </tr>`,
                )}
              </tbody>
            </table>
          </div>`
    }
  </section>`;
}

function statusText({ verifying, checks, findings }: State): string {
  if (verifying) return 'Verifying.';
  if (findings.length === 0) return 'Nothing has been verified yet.';
  const cut = findings.length < checks ? `Stopped after ${findings.length} of ${checks} checks: ` : '';
  return `${cut}${verdict(findings)}`;
}

/** Groups in their order; null if they are all. */
function toggle(groups: readonly string[], only: readonly string[], group: string, on: boolean) {
  const selection = groups.filter((each) => (each === group ? on : only.includes(each)));
  return selection.length === groups.length ? null : selection;
}
