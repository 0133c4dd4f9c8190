/** The form: every control shows and sets flags of `rankflow sweep`, which are the state. */
import { html, nothing, type TemplateResult } from 'lit-html';
import { live } from 'lit-html/directives/live.js';
import { computedStart, isComputed } from '../ensemble/computedStart.js';
import { initializationNames } from '../ensemble/initialization.js';
import { scalings } from '../ensemble/scaling.js';
import { fixedNames, flowMethodNames } from '../method/methods.js';
import { flagName } from '../input/fromText.js';
import { builtInLoss, defaultLoss, lossNames } from '../problem/losses.js';
import { curvatureKeys, curvatureNames } from '../problem/source.js';
import { example } from './example.js';
import type { Flags } from './protocol.js';
import type { Actions, State } from './state.js';

/** State that the form shows, and actions that it calls. */
export type Form = Pick<State, 'flags' | 'backends' | 'tensors'> & Pick<Actions, 'setFlags' | 'take'>;

const spectra = {
  power: { label: 'power law i^-P', parameter: 'exponent P', start: 1, min: 0.1, max: 3, step: 0.1 },
  exp: { label: 'exponential e^-R(i-1)', parameter: 'rate R', start: 0.3, min: 0.02, max: 2, step: 0.02 },
  step: { label: 'K ones, then zeros', parameter: 'number K', start: 4, min: 1, max: 32, step: 1 },
} as const;
type Spectrum = keyof typeof spectra;

/** Spectrum of a curvature matrix where none is given: a loss that takes one needs it. */
const CURVATURE = 'power:0.5';
const chosenLoss = ({ loss }: Flags) => builtInLoss(loss ?? defaultLoss);
const matrixFlag = (flags: Flags) => chosenLoss(flags)?.matrix ?? 'target';

/** Flags for another target: a spectrum, or a matrix file, which gives the shape too. */
export const ofSpectrum = (spectrum: string, { shape = '64x64' }: Flags) => ({
  ...{ spectrum, shape, target: undefined, base: undefined },
});
export const ofFile = (location: string, flags: Flags) => ({
  ...{ spectrum: undefined, shape: undefined, vectors: undefined, target: undefined, base: undefined },
  [matrixFlag(flags)]: location,
});

/** Step of methods of fixed steps where none is set: their flags need one. */
const FIXED_STEP = '0.05';
const hasFixedSteps = (method: string | undefined) => fixedNames.some((name) => name === method);

/** Flags for another method, of which one with fixed steps takes a step and no tolerances, any other no step. */
export const ofMethod = (method: string, { step = FIXED_STEP }: Flags) =>
  hasFixedSteps(method) ? { method, step, rtol: undefined, atol: undefined } : { method, step: undefined };

export const controls = (form: Form): TemplateResult => html`
  <fieldset>
    <legend>Problem</legend>
    ${choice(form, 'loss', 'Loss', lossNames, (loss) => changesOfLoss(loss, form.flags))} ${target(form)}
    ${
      form.flags['spectrum'] === undefined
        ? nothing
        : html`${text(form, 'shape', 'Shape n×m', '64x64')}
            <label class="inline">
              <input
                type="checkbox"
                .checked=${live(form.flags['vectors'] === 'random')}
                @change=${(e: Event) => form.setFlags({ vectors: (e.target as HTMLInputElement).checked ? 'random' : undefined })}
              />
              random singular vectors
            </label>`
    }
    ${chosenLoss(form.flags)?.curvatures.map((key) =>
      text(form, flagName(key), `Spectrum of the ${curvatureNames[key]}`, CURVATURE),
    )}
  </fieldset>
  <fieldset>
    <legend>Adapters</legend>
    ${text(form, 'ranks', 'Ranks', '1,2,4,8')} ${text(form, 'trials', 'Trials per rank', 32)}
    ${initialization(form)} ${choice(form, 'scaling', 'Scaling s', scalings)}
    ${text(form, 'alpha', 'alpha of the scaling', 1)}
    <div class="pair">${text(form, 'lr-ratio-b', 'kB', 1)} ${text(form, 'lr-ratio-a', 'kA', 1)}</div>
    ${text(form, 'seed', 'Seed', 0)}
  </fieldset>
  <fieldset>
    <legend>Integration</legend>
    ${choice(form, 'method', 'Method', ['auto', ...flowMethodNames], (method) =>
      method === 'auto' ? { method: undefined, step: undefined } : ofMethod(method, form.flags),
    )}
    ${
      hasFixedSteps(form.flags['method'])
        ? text(form, 'step', 'Step', FIXED_STEP)
        : text(form, 'rtol', 'Relative tolerance', 1e-5)
    }
    ${text(form, 'time', 'End time (empty: long enough)', '')}
  </fieldset>
  <fieldset>
    <legend>Backend</legend>
    ${backend(form)}
  </fieldset>
`;

function changesOfLoss(loss: string, flags: Flags) {
  const { target: aim, base } = flags;
  const location = aim ?? base;
  const changed = { ...flags, loss };
  return {
    loss,
    ...Object.fromEntries(
      curvatureKeys.map((key) => [
        flagName(key),
        builtInLoss(loss)?.curvatures.includes(key) ? (flags[flagName(key)] ?? CURVATURE) : undefined,
      ]),
    ),
    ...(location !== undefined && ofFile(location, changed)),
  };
}

function target(form: Form): TemplateResult {
  const { flags, tensors } = form;
  const spectrum = flags['spectrum'];
  const location = flags['target'] ?? flags['base'];
  const [name, parameter] = spectrum?.split(':') ?? [];
  const spectrumName = name !== undefined && name in spectra ? (name as Spectrum) : null;
  const source =
    spectrumName ?? (location === example.name ? 'example' : location !== undefined ? 'file' : 'list');
  const pick = (value: string) => {
    if (value in spectra) form.setFlags(ofSpectrum(`${value}:${spectra[value as Spectrum].start}`, flags));
    else if (value === 'example') form.setFlags(ofFile(example.name, flags));
    else if (value === 'list') form.setFlags(ofSpectrum('3,2,1,0.5', flags));
    else document.querySelector<HTMLInputElement>('#file')?.click();
  };
  const [file, tensor] = location?.split('#') ?? [];
  return html`
    <label>
      ${matrixFlag(flags) === 'base' ? 'Frozen W0' : 'Target M - W0'}
      <select
        name="source"
        .value=${live(source)}
        @change=${(e: Event) => pick((e.target as HTMLSelectElement).value)}
      >
        ${Object.entries(spectra).map(
          ([value, { label }]) =>
            html`<option value=${value} ?selected=${value === source}>${label}</option>`,
        )}
        <option value="list" ?selected=${source === 'list'}>listed singular values</option>
        <option value="example" ?selected=${source === 'example'}>${example.label}</option>
        <option value="file" ?selected=${source === 'file'}>
          ${source === 'file' ? file : 'a .safetensors, .npy or .csv file …'}
        </option>
      </select>
    </label>
    <input
      id="file"
      type="file"
      hidden
      aria-label="Matrix file"
      accept=".safetensors,.npy,.csv"
      @change=${(e: Event) => {
        const input = e.target as HTMLInputElement;
        if (input.files?.[0]) form.take(input.files[0]);
        input.value = '';
      }}
    />
    ${spectrumName ? slider(form, spectrumName, Number(parameter)) : nothing}
    ${source === 'list' ? text(form, 'spectrum', 'Singular values', '3,2,1,0.5') : nothing}
    ${
      source === 'file'
        ? html`<button type="button" class="quiet" @click=${() => pick('file')}>Another file …</button>`
        : nothing
    }
    ${
      source === 'file' && tensors.length > 0
        ? html`<label>
            Matrix
            <select
              @change=${(e: Event) =>
                form.setFlags(ofFile(`${file}#${(e.target as HTMLSelectElement).value}`, flags))}
            >
              ${tensors.map((each) => html`<option ?selected=${each === tensor}>${each}</option>`)}
            </select>
          </label>`
        : nothing
    }
  `;
}

function slider(form: Form, name: Spectrum, value: number): TemplateResult {
  const { parameter, min, max, step } = spectra[name];
  return html`<label>
    ${parameter} = ${value}
    <input
      type="range"
      name="parameter"
      .min=${String(min)}
      .max=${String(max)}
      .step=${String(step)}
      .value=${live(String(value))}
      @input=${(e: Event) => form.setFlags({ spectrum: `${name}:${(e.target as HTMLInputElement).value}` })}
    />
  </label>`;
}

/**
 * Whether a start can be had of a loss: here W0 is zero unless a file gives it, so that nothing is computed from it.
 */
function isOffered(start: string, loss: ReturnType<typeof chosenLoss>): boolean {
  if (!isComputed(start)) return true;
  const { needs } = computedStart(start);
  if (needs === 'covariance') return loss?.curvatures.includes('covariance') ?? false;
  return needs === 'gradient' && loss?.dependsOn !== 'trace';
}

function initialization(form: Form): TemplateResult {
  const [name = 'kaiming', parameter = ''] = (form.flags['init'] ?? 'kaiming').split(':');
  const names = Object.keys(initializationNames).filter((each) => isOffered(each, chosenLoss(form.flags)));
  const setInit = (head: string, tail: string) =>
    form.setFlags({ init: tail === '' ? head : `${head}:${tail}` });
  return html`<div class="pair">
      <label>
        Initialization
        <select
          name="init"
          .value=${live(name)}
          @change=${(e: Event) => setInit((e.target as HTMLSelectElement).value, '')}
        >
          ${names.map((each) => html`<option ?selected=${each === name}>${each}</option>`)}
        </select>
      </label>
      ${field('its parameter', 'parameter', parameter, 'default', (value) => setInit(name, value))}
    </div>
    <p class="hint">${initializationNames[name] ?? ''}</p>`;
}

const preferred = (backends: Form['backends']) =>
  backends?.find((each) => each.preferred)?.name ?? 'looking …';

function backend({ flags, backends, setFlags }: Form): TemplateResult {
  const selection = flags['backend'] ?? 'auto';
  const option = (name: string, available: boolean, words: string) => html`
    <label class="inline" ?data-absent=${!available}>
      <input
        type="radio"
        name="backend"
        value=${name}
        .checked=${live(selection === name)}
        ?disabled=${!available}
        @change=${() => setFlags({ backend: name === 'auto' ? undefined : name })}
      />
      <span><b>${name}</b> <small>${words}</small></span>
    </label>
  `;
  return html`
    ${option('auto', true, `the fastest here: ${preferred(backends)}`)}
    ${(backends ?? []).map(({ name, available, device, reason }) =>
      option(name, available, available ? device : reason),
    )}
  `;
}

/** Text field: its text stays until it is taken over, whatever is drawn meanwhile. */
const field = (
  label: string,
  name: string,
  value: string,
  placeholder: string | number,
  take: (value: string) => void,
): TemplateResult =>
  html`<label>
    ${label}
    <input
      type="text"
      name=${name}
      placeholder=${placeholder}
      autocomplete="off"
      .value=${value}
      @change=${(e: Event) => take((e.target as HTMLInputElement).value.trim())}
    />
  </label>`;

const text = (
  { flags, setFlags }: Form,
  name: string,
  label: string,
  usual: string | number,
): TemplateResult =>
  field(label, name, flags[name] ?? '', usual, (value) => setFlags({ [name]: value || undefined }));

/** A flag with a few values, the first of which is its default. */
function choice(
  form: Form,
  name: string,
  label: string,
  values: readonly string[],
  changes = (value: string): Readonly<Record<string, string | undefined>> => ({
    [name]: value === values[0] ? undefined : value,
  }),
): TemplateResult {
  const selection = form.flags[name] ?? values[0]!;
  return html`<label>
    ${label}
    <select
      name=${name}
      .value=${live(selection)}
      @change=${(e: Event) => form.setFlags(changes((e.target as HTMLSelectElement).value))}
    >
      ${values.map((value) => html`<option ?selected=${value === selection}>${value}</option>`)}
    </select>
  </label>`;
}
