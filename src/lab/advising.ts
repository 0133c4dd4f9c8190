/** What a visitor does to the tab of advice, and what the worker tells of it. */
import { proxy, type Remote } from 'comlink';
import { save } from './save.js';
import type { Engine } from './protocol.js';
import type { Actions, AdviceState } from './state.js';

type AdviceActions = Pick<
  Actions,
  'give' | 'setAdvice' | 'advise' | 'stopAdvising' | 'show' | 'downloadAdvice'
>;

/** What the page lends: its state, and how it tells of mistakes. */
export interface Page {
  readonly engine: Remote<Engine>;
  get(): AdviceState;
  set(changed: Partial<AdviceState>): void;
  /** Says what went wrong; null takes it away. */
  fail(error: unknown): void;
  clear(): void;
}

const noAdvice = { view: null, done: 0, total: 0, shown: 0 } as const;
/** Turns of the event loop after which a page that is drawn once a frame has heard of something. */
const turn = () => new Promise<void>((resolve) => setTimeout(resolve));

export function adviceActions({ engine, get, set, fail, clear }: Page): AdviceActions {
  /** Number of the last thing that was begun: what belongs to an earlier one is out of date. */
  let current = 0;

  /** Does what takes the place of what is under way; its mistakes are told, and end in `phase`. */
  async function begin(
    phase: AdviceState['phase'],
    work: (isCurrent: () => boolean) => Promise<void>,
  ): Promise<void> {
    const number = ++current;
    const isCurrent = () => number === current;
    clear();
    set({ ...noAdvice, phase });
    try {
      await engine.stop();
      if (isCurrent()) await work(isCurrent);
    } catch (error) {
      if (!isCurrent()) return;
      set({ phase: 'idle' });
      fail(error);
    }
  }

  return {
    give: (side, { label, files }) =>
      void begin('reading', async (isCurrent) => {
        set({ [side]: null });
        const given = await engine.give(side, label, files);
        if (isCurrent()) set({ [side]: given, phase: 'idle' });
      }),
    setAdvice(changed) {
      const { settings: before, view, shown } = get();
      const settings = { ...before, ...changed };
      set({ settings });
      if (!view) return;
      if (Object.keys(changed).some((key) => key !== 'budget')) return set({ ...noAdvice, phase: 'idle' });
      clear();
      engine
        .advice(settings.budget)
        .then((found) => set({ view: found, shown: Math.min(shown, found.budgets.length - 1) }))
        .catch(fail);
    },
    advise: () =>
      void begin('running', async (isCurrent) => {
        const { settings } = get();
        const listener = {
          progress(done: number, total: number) {
            if (isCurrent()) set({ done, total });
            return turn();
          },
        };
        const end = await engine.advise(settings, proxy(listener));
        if (!isCurrent()) return;
        if (end === 'stopped') return set({ phase: end });
        const view = await engine.advice(get().settings.budget);
        if (isCurrent()) set({ phase: end, view, shown: Math.floor((view.budgets.length - 1) / 2) });
      }),
    stopAdvising() {
      if (get().phase !== 'running') return;
      set({ phase: 'stopping' });
      void engine.stop();
    },
    show: (shown) => set({ shown }),
    downloadAdvice: (format) =>
      void engine
        .adviceFile(format)
        .then((bytes) =>
          save(
            bytes,
            format === 'json' ? 'advice.json' : 'weights.csv',
            format === 'json' ? 'application/json' : 'text/csv',
          ),
        )
        .catch(fail),
  };
}
