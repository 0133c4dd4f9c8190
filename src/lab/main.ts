/** The page: its state, what the visitor does to it, and what the worker tells. */
import { proxy, transfer, wrap, type Remote } from 'comlink';
import { render } from 'lit-html';
import { formatAddress, parseAddress, type Tab } from './address.js';
import { adviceActions } from './advising.js';
import { ofFile } from './controls.js';
import { example } from './example.js';
import { dropped } from './given.js';
import { layout } from './layout.js';
import './plot.js';
import type { Engine, Flags, Progress, RunEnd, Running } from './protocol.js';
import { save } from './save.js';
import { initialState, PAGE, type Actions, type State } from './state.js';

/** A file is held in memory, and its matrices in float64. */
const MOST_BYTES = 2 ** 30;
/** Milliseconds after the last change at which the address is written: browsers refuse too many of these. */
const ADDRESS_DELAY = 300;
const AGAIN = 'Run it again on a new device, or choose another backend.';

const width = matchMedia('(min-width: 60rem)');

class Lab {
  private state: State;
  private readonly engine = startEngine((text) => this.fail(new Error(text)));
  private drawing = false;
  /** Number of the last thing that was begun: what belongs to an earlier one is out of date. */
  private current = 0;
  private addressTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly root: HTMLElement) {
    this.state = initialState(parseAddress(location.hash), width.matches);
    width.addEventListener('change', () => this.set({ wide: width.matches }));
    addEventListener('hashchange', () => {
      this.set(parseAddress(location.hash));
      void this.plan();
    });
    addEventListener('dragover', (event) => event.preventDefault());
    addEventListener('drop', (event) => {
      event.preventDefault();
      if (!event.dataTransfer?.files.length) return;
      if (this.state.tab === 'sweep') void this.take(event.dataTransfer.files[0]!);
      else if (this.state.tab === 'advise') void this.attempt(() => this.takeCheckpoint(event));
    });
    root.replaceChildren();
    this.draw();
    void this.attempt(() => this.begin());
  }

  private async begin(): Promise<void> {
    await this.plan();
    const planNumber = this.current;
    this.set({ groups: await this.engine.checkGroups(), backends: await this.engine.backends() });
    // A visitor sees it move before reading; who asked for less motion, or has begun something else, does not.
    const still = matchMedia('(prefers-reduced-motion: reduce)').matches;
    if (planNumber === this.current && this.state.tab === 'sweep' && !still) await this.run();
  }

  private set(changed: Partial<State>): void {
    this.state = { ...this.state, ...changed };
    if (this.drawing) return;
    this.drawing = true;
    requestAnimationFrame(() => {
      this.drawing = false;
      this.draw();
    });
  }

  private draw(): void {
    render(layout(this.state, this.actions), this.root);
  }

  private writeAddress(): void {
    clearTimeout(this.addressTimer);
    this.addressTimer = setTimeout(
      () => history.replaceState(null, '', formatAddress(this.state)),
      ADDRESS_DELAY,
    );
  }

  private readonly actions: Actions = {
    ...adviceActions({
      engine: this.engine,
      get: () => this.state.advice,
      set: (changed) => this.set({ advice: { ...this.state.advice, ...changed } }),
      fail: (error) => this.fail(error, 'Give both checkpoints again.'),
      clear: () => this.set({ problem: null }),
    }),
    setFlags: (changed) => {
      const flags = Object.entries({ ...this.state.flags, ...changed }).filter(
        ([, text]) => text !== undefined,
      );
      this.set({ flags: Object.fromEntries(flags) as Flags });
      this.writeAddress();
      void this.plan();
    },
    take: (file) => void this.take(file),
    run: () => void this.run(),
    pause: () => {
      if (this.state.phase !== 'running') return;
      void this.engine.pause();
      this.set({ phase: 'paused' });
    },
    resume: () => {
      if (this.state.phase !== 'paused') return;
      void this.engine.resume();
      this.set({ phase: 'running' });
    },
    reset: () => void this.plan(),
    look: (focus) => {
      this.set({ focus });
      this.writeAddress();
      void this.attempt(() => this.look());
    },
    page: (page) => void this.attempt(() => this.show(page)),
    download: (format) => void this.attempt(() => this.download(format)),
    open: (tab) => void this.attempt(() => this.open(tab)),
    verifyOn: (verifyBackend) => this.set({ verifyBackend }),
    verifyOnly: (only) => {
      this.set({ only });
      this.writeAddress();
    },
    verify: () => void this.verify(),
    stopVerifying: () => void this.engine.stop(),
    dismiss: () => this.set({ problem: null }),
  };

  /** Plans what the flags say; what ran is stopped. */
  private async plan(): Promise<void> {
    const current = ++this.current;
    this.set({ phase: 'planning', problem: null });
    try {
      await this.engine.stop();
      if (current !== this.current) return;
      await this.fetchExample();
      if (current !== this.current) return;
      const prepared = await this.engine.prepare(this.state.flags);
      if (current !== this.current) return;
      this.set({ prepared, phase: 'idle', ...noRun });
      await this.look();
    } catch (error) {
      if (current !== this.current) return;
      this.set({ prepared: null, look: null, phase: 'idle', ...noRun });
      this.fail(error);
    }
  }

  /** Looks at the rank in focus, or one in the middle. */
  private async look(): Promise<void> {
    const { prepared, focus, progress, phase } = this.state;
    if (!prepared) return;
    const ranks = prepared.ranks.map(({ rank }) => rank);
    const rank = focus !== null && ranks.includes(focus) ? focus : ranks[Math.floor(ranks.length / 2)]!;
    const { lines, ...look } = await this.engine.look(rank);
    this.set({ look, singularValues: null, ...(progress && { progress: { ...progress, lines } }) });
    if (phase === 'finished') await this.run('follow');
  }

  /** Runs the sweep, or follows singular values of the rank in focus after it. */
  private async run(task: 'run' | 'follow' = 'run'): Promise<void> {
    if (!this.state.prepared || !['idle', 'finished', 'stopped'].includes(this.state.phase)) return;
    const current = ++this.current;
    this.set({ phase: 'running', problem: null, ...(task === 'run' && noRun) });
    // What the worker tells is taken unless the visitor has gone on; the worker waits until it can be drawn.
    const apply = (changes: Partial<State>) => {
      if (current === this.current) this.set(changes);
      return new Promise<void>((resolve) => setTimeout(resolve));
    };
    const listener = {
      started: (running: Running) => apply({ running }),
      progress: ({ singularValues, ...progress }: Progress) =>
        apply({
          progress,
          ...(singularValues?.rank === this.state.look?.rank && { singularValues }),
        }),
    };
    try {
      const rank = this.state.look?.rank;
      const phase: RunEnd = await this.engine[task](proxy(listener));
      if (current !== this.current) return;
      this.set({ phase });
      await this.show(this.state.page);
      // Another rank has been chosen meanwhile.
      if (phase === 'finished' && rank !== this.state.look?.rank) await this.run('follow');
    } catch (error) {
      if (current !== this.current) return;
      this.set({ phase: 'stopped' });
      this.fail(error, AGAIN);
    }
  }

  /** @param advice what to do if the mistake was not the visitor's, who is told of it by the message itself */
  private fail(error: unknown, advice = 'Reload the page to start again.'): void {
    const { name, message } = error as Error;
    const text = name === 'InputError' ? message : `${message}. ${advice}`;
    this.set({ problem: { tab: this.state.tab, text } });
  }

  private attempt(work: () => Promise<void>): Promise<void> {
    return work().catch((error: unknown) => this.fail(error));
  }

  private async show(page: number): Promise<void> {
    this.set({ page, rows: await this.engine.rows(page * PAGE, (page + 1) * PAGE) });
  }

  private async take(file: File): Promise<void> {
    const current = ++this.current;
    this.set({ phase: 'planning', problem: null });
    try {
      if (file.size > MOST_BYTES)
        throw inputError(
          `${file.name} has ${file.size} bytes, the lab reads up to ${MOST_BYTES}: use the command line`,
        );
      await this.engine.stop();
      const bytes = new Uint8Array(await file.arrayBuffer());
      if (current !== this.current) return;
      const tensors = await this.engine.addFile(file.name, transfer(bytes, [bytes.buffer]));
      this.set({ tensors });
      this.actions.setFlags(
        ofFile(tensors[0] === undefined ? file.name : `${file.name}#${tensors[0]}`, this.state.flags),
      );
    } catch (error) {
      if (current !== this.current) return;
      this.set({ phase: this.state.prepared ? 'stopped' : 'idle' });
      this.fail(error);
    }
  }

  /** A checkpoint that is dropped on no side is the first that is missing. */
  private async takeCheckpoint({ target, dataTransfer }: DragEvent): Promise<void> {
    const side = (target as Element).closest<HTMLElement>('[data-side]')?.dataset['side'];
    const gift = await dropped(dataTransfer!);
    this.actions.give(side === 'base' || (!side && !this.state.advice.base) ? 'base' : 'tuned', gift);
  }

  private async fetchExample(): Promise<void> {
    const { target, base } = this.state.flags;
    if (target !== example.name && base !== example.name) return;
    const answer = await fetch(example.url).catch(() => null);
    if (!answer?.ok) throw inputError('The example matrix could not be loaded: choose another target');
    const bytes = new Uint8Array(await answer.arrayBuffer());
    await this.engine.addFile(example.name, transfer(bytes, [bytes.buffer]));
  }

  private async download(format: 'parquet' | 'csv'): Promise<void> {
    const type = format === 'csv' ? 'text/csv' : 'application/vnd.apache.parquet';
    save(new Blob([await this.engine.download(format)], { type }), `rankflow-trials.${format}`);
  }

  /** Leaving a tab ends what it computes, and frees its tensors. */
  private async open(tab: Tab): Promise<void> {
    if (tab === this.state.tab) return;
    this.set({ tab, problem: null });
    this.writeAddress();
    await this.engine.stop();
  }

  private async verify(): Promise<void> {
    const { verifyBackend, only, groups } = this.state;
    this.set({ verifying: true, problem: null, findings: [], checks: 0 });
    const listener = {
      started: (checks: number) => Promise.resolve(this.set({ checks })),
      finding: (finding: State['findings'][number]) =>
        Promise.resolve(this.set({ findings: [...this.state.findings, finding] })),
    };
    try {
      await this.engine.verify(verifyBackend, only ?? groups, proxy(listener));
    } catch (error) {
      this.fail(error, AGAIN);
    }
    this.set({ verifying: false });
  }
}

const noRun = { running: null, progress: null, singularValues: null, rows: [], page: 0 } as const;

const inputError = (message: string) => Object.assign(new Error(message), { name: 'InputError' });

function startEngine(onFailure: (text: string) => void): Remote<Engine> {
  const worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module', name: 'rankflow' });
  worker.addEventListener('error', ({ message }) =>
    onFailure(`The worker that computes does not run in this browser (${message || 'it did not load'})`),
  );
  return wrap<Engine>(worker);
}

new Lab(document.querySelector<HTMLElement>('#lab')!);
