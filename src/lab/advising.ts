/** What a visitor does to the tab of advice, and what the worker tells of it. */
import { proxy, type Remote } from 'comlink';
import type { Engine, RunEnd } from './protocol.js';
import { save } from './save.js';
import type { Actions, AdviceState } from './state.js';

type AdviceActions = Pick<
  Actions,
  | 'give'
  | 'setAdvice'
  | 'advise'
  | 'stopAdvising'
  | 'show'
  | 'downloadAdvice'
  | 'setAdapterType'
  | 'writeAdapter'
  | 'downloadAdapter'
>;

/** What the page lends: its worker, its state, and how it tells of mistakes. */
export interface Page {
  readonly engine: Remote<Engine>;
  get(): AdviceState;
  set(changed: Partial<AdviceState>): void;
  /** Says what went wrong. */
  fail(error: unknown): void;
  /** Takes away what was said. */
  clear(): void;
}

const noAdvice = { view: null, done: 0, total: 0, shown: 0, adapter: null } as const;
const files = { json: ['advice.json', 'application/json'], csv: ['weights.csv', 'text/csv'] } as const;

export function adviceActions({ engine, get, set, fail, clear }: Page): AdviceActions {
  /** Number of the last thing that was begun: what belongs to an earlier one is out of date. */
  let current = 0;

  /** Does what takes the place of what is under way. A mistake is told, and leaves `failed`. */
  async function begin(
    begun: Partial<AdviceState>,
    work: (isCurrent: () => boolean) => Promise<void>,
    failed: Partial<AdviceState> = { phase: 'idle' },
  ): Promise<void> {
    const number = ++current;
    const isCurrent = () => number === current;
    clear();
    set(begun);
    try {
      await engine.stop();
      if (isCurrent()) await work(isCurrent);
    } catch (error) {
      if (!isCurrent()) return;
      set(failed);
      fail(error);
    }
  }

  /** Hears of weights, and lets the page be drawn between them. */
  const listener = (isCurrent: () => boolean) =>
    proxy({
      progress(done: number, total: number) {
        if (isCurrent()) set({ done, total });
        return new Promise<void>((resolve) => setTimeout(resolve));
      },
    });

  return {
    give: (side, { label, files: given }) =>
      void begin({ ...noAdvice, phase: 'reading', [side]: null }, async (isCurrent) => {
        const found = await engine.give(side, label, given);
        if (isCurrent()) set({ [side]: found, phase: 'idle' });
      }),
    setAdvice(changed) {
      const { settings: before, view, shown } = get();
      const settings = { ...before, ...changed };
      set({ settings });
      if (!view) return;
      if (Object.keys(changed).some((key) => key !== 'budget')) return set({ ...noAdvice, phase: 'idle' });
      clear();
      const number = current;
      engine
        .advice(settings.budget)
        .then((found) => {
          if (number !== current) return;
          set({ view: found, shown: Math.min(shown, found.budgets.length - 1), adapter: null });
        })
        .catch((error: unknown) => {
          if (number === current) fail(error);
        });
    },
    advise: () =>
      void begin({ ...noAdvice, phase: 'running' }, async (isCurrent) => {
        const phase: RunEnd = await engine.advise(get().settings, listener(isCurrent));
        if (!isCurrent()) return;
        if (phase === 'stopped') return set({ phase });
        const view = await engine.advice(get().settings.budget);
        if (isCurrent()) set({ phase, view, shown: Math.floor((view.budgets.length - 1) / 2) });
      }),
    stopAdvising() {
      set({ phase: 'stopping' });
      void engine.stop();
    },
    show: (shown) => set({ shown, adapter: null }),
    downloadAdvice(format) {
      const [name, type] = files[format];
      engine
        .adviceFile(format)
        .then((bytes) => save(new Blob([bytes], { type }), name))
        .catch(fail);
    },
    setAdapterType: (dtype) => set({ dtype, adapter: null }),
    writeAdapter() {
      const { shown, dtype, done, total } = get();
      const after = { phase: 'finished', done, total } as const;
      void begin(
        { phase: 'writing', done: 0, adapter: null },
        async (isCurrent) => {
          const end = await engine.writeAdapter(shown, dtype, listener(isCurrent));
          const adapter = end === 'finished' ? await engine.adapter() : null;
          if (isCurrent()) set({ ...after, adapter });
        },
        after,
      );
    },
    downloadAdapter(name) {
      const file = get().adapter?.files.find((each) => each.name === name);
      if (file) save(file.content, name);
    },
  };
}
