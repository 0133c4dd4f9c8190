/** The page: its state, what the visitor does to it, and what the worker tells. */
import { proxy, wrap, type Remote } from 'comlink';
import { render } from 'lit-html';
import type { Finding } from '../verify/check.js';
import { formatAddress, parseAddress, type Tab } from './address.js';
import { example } from './example.js';
import { ofFile } from './controls.js';
import { layout } from './layout.js';
import './plot.js';
import type { Engine, Flags, Progress, RunEnd, Running } from './protocol.js';
import { PAGE, type Actions, type State } from './state.js';

/** A file is held in memory, and its matrices in float64. */
const MOST_BYTES = 2 ** 30;

const darkness = matchMedia('(prefers-color-scheme: dark)');
const width = matchMedia('(min-width: 60rem)');

class Lab {
  private state: State;
  private engine = startEngine((problem) => this.set({ problem, phase: 'stopped' }));
  private drawing = false;
  /** Number of the last change of flags: an answer to an earlier one is out of date. */
  private change = 0;
  private wantedFocus: number | null;
  private readonly given = new Set<string>();

  constructor(private readonly root: HTMLElement) {
    const { tab, flags, focus, only } = parseAddress(location.hash);
    this.wantedFocus = focus;
    this.state = {
      ...{ tab, flags, backends: null, tensors: [], phase: 'planning', problem: null, prepared: null },
      ...{
        focus: null,
        running: null,
        progress: null,
        singularValues: null,
        dark: darkness.matches,
        wide: width.matches,
      },
      ...{
        page: 0,
        rows: [],
        verifyBackend: 'auto',
        groups: [],
        only,
        verifyPhase: 'idle',
        checks: 0,
        findings: [],
      },
    };
    darkness.addEventListener('change', () => this.set({ dark: darkness.matches, wide: width.matches }));
    width.addEventListener('change', () => this.set({ wide: width.matches }));
    addEventListener('hashchange', () => this.follow());
    addEventListener('dragover', (event) => event.preventDefault());
    addEventListener('drop', (event) => {
      event.preventDefault();
      const file = event.dataTransfer?.files[0];
      if (file) void this.take(file);
    });
    root.replaceChildren();
    this.draw();
    void this.begin();
  }

  private async begin(): Promise<void> {
    await this.plan();
    this.set({ groups: await this.engine.checkGroups(), backends: await this.engine.backends() });
    // A visitor sees it move before reading; who asked for less motion, or comes for the other tab, asks for it.
    const still = matchMedia('(prefers-reduced-motion: reduce)').matches;
    if (this.state.problem === null && this.state.tab === 'sweep' && !still) await this.run();
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
    const { tab, flags, only } = this.state;
    history.replaceState(null, '', formatAddress({ tab, flags, only, focus: this.wantedFocus }));
  }

  /** Takes over an address that the visitor has changed. */
  private follow(): void {
    const { tab, flags, focus, only } = parseAddress(location.hash);
    this.wantedFocus = focus;
    this.set({ tab, flags, only });
    void this.plan();
  }

  private readonly actions: Actions = {
    set: (changed: Readonly<Record<string, string | undefined>>): void => {
      const flags = Object.entries({ ...this.state.flags, ...changed }).filter(
        ([, text]) => text !== undefined,
      );
      this.set({ flags: Object.fromEntries(flags) as Flags });
      this.writeAddress();
      void this.plan();
    },
    take: (file: File): void => void this.take(file),
    run: (): void => void this.run(),
    pause: (): void => {
      void this.engine.pause();
      this.set({ phase: 'paused' });
    },
    resume: (): void => {
      void this.engine.resume();
      this.set({ phase: 'running' });
    },
    reset: (): void => void this.plan(),
    focus: (rank: number): void => {
      this.wantedFocus = rank;
      this.writeAddress();
      void this.plan().then(() => this.run());
    },
    page: (page: number): void => void this.show(page),
    download: (format: 'parquet' | 'csv'): void => void this.download(format),
    tab: (tab: Tab): void => void this.open(tab),
    verifyOn: (verifyBackend: string): void => this.set({ verifyBackend }),
    verifyOnly: (only: readonly string[] | null): void => {
      this.set({ only });
      this.writeAddress();
    },
    verify: (): void => void this.verify(),
    stop: (): void => void this.engine.stop(),
    dismiss: (): void => this.set({ problem: null }),
  };

  /** Plans what the flags say; what ran is stopped. */
  private async plan(): Promise<void> {
    const change = ++this.change;
    this.set({ phase: 'planning', problem: null });
    try {
      await this.engine.stop();
      await this.fetchExample();
      const prepared = await this.engine.prepare(this.state.flags);
      if (change !== this.change) return;
      const ranks = prepared.ranks.map(({ rank }) => rank);
      const wanted = this.wantedFocus;
      const focus = wanted !== null && ranks.includes(wanted) ? wanted : ranks[Math.floor(ranks.length / 2)]!;
      this.set({
        ...{ prepared, focus: await this.engine.focus(focus), phase: 'idle' },
        ...{ running: null, progress: null, singularValues: null, rows: [], page: 0 },
      });
    } catch (error) {
      if (change === this.change) this.fail(error);
    }
  }

  private async run(): Promise<void> {
    const { change } = this;
    if (this.state.prepared === null || this.state.phase === 'planning') return;
    this.set({ phase: 'running', problem: null, progress: null, singularValues: null, rows: [], page: 0 });
    const listener = {
      started: (running: Running) => this.hear(change, { running }),
      progress: (progress: Progress) =>
        this.hear(change, {
          progress,
          ...(progress.singularValues && { singularValues: progress.singularValues }),
        }),
    };
    try {
      const end = await this.engine.run(proxy(listener));
      if (change !== this.change) return;
      this.set({ phase: end });
      await this.show(0);
    } catch (error) {
      if (change === this.change) this.fail(error);
    }
  }

  /** Takes what the worker tells of a run, unless the visitor has gone on; the worker waits until it can be drawn. */
  private hear(change: number, told: Partial<State>): Promise<void> {
    if (change === this.change) this.set(told);
    return new Promise((resolve) => setTimeout(resolve));
  }

  private fail(error: unknown): void {
    const { name, message } = error as Error;
    const advice =
      name === 'InputError' ? '' : '. Press Run to start again on a new device, or choose another backend.';
    this.set({ phase: 'stopped', verifyPhase: 'idle', problem: `${message}${advice}` });
  }

  private async show(page: number): Promise<void> {
    const rows = await this.engine.rows(page * PAGE, (page + 1) * PAGE);
    this.set({ page, rows });
  }

  private async take(file: File): Promise<void> {
    try {
      if (file.size > MOST_BYTES)
        throw Object.assign(
          new Error(
            `${file.name} has ${file.size} bytes; the lab reads up to ${MOST_BYTES}. The command line reads larger files.`,
          ),
          { name: 'InputError' },
        );
      await this.engine.stop();
      const tensors = await this.engine.giveFile(file.name, new Uint8Array(await file.arrayBuffer()));
      this.given.add(file.name);
      this.set({ tensors });
      this.actions.set(
        ofFile(tensors[0] === undefined ? file.name : `${file.name}#${tensors[0]}`, this.state.flags),
      );
    } catch (error) {
      this.fail(error);
    }
  }

  private async fetchExample(): Promise<void> {
    const { target, base } = this.state.flags;
    if ((target !== example.name && base !== example.name) || this.given.has(example.name)) return;
    const answer = await fetch(example.url);
    if (!answer.ok) throw new Error(`the example matrix could not be loaded (${answer.status})`);
    await this.engine.giveFile(example.name, new Uint8Array(await answer.arrayBuffer()));
    this.given.add(example.name);
  }

  private async download(format: 'parquet' | 'csv'): Promise<void> {
    const type = format === 'csv' ? 'text/csv' : 'application/vnd.apache.parquet';
    const url = URL.createObjectURL(new Blob([await this.engine.download(format)], { type }));
    Object.assign(document.createElement('a'), { href: url, download: `rankflow-trials.${format}` }).click();
    setTimeout(() => URL.revokeObjectURL(url), 1000);
  }

  /** Leaving a tab ends what it computes, and frees its tensors. */
  private async open(tab: Tab): Promise<void> {
    if (tab === this.state.tab) return;
    this.set({ tab });
    this.writeAddress();
    await this.engine.stop();
  }

  private async verify(): Promise<void> {
    this.set({ verifyPhase: 'running', problem: null, findings: [], checks: 0 });
    const listener = {
      started: (checks: number) => Promise.resolve(this.set({ checks })),
      finding: (finding: Finding) =>
        Promise.resolve(this.set({ findings: [...this.state.findings, finding] })),
    };
    try {
      const { verifyBackend, only, groups } = this.state;
      const end: RunEnd = await this.engine.verify(verifyBackend, only ?? groups, proxy(listener));
      this.set({ verifyPhase: end });
    } catch (error) {
      this.fail(error);
    }
  }
}

function startEngine(onFailure: (problem: string) => void): Remote<Engine> {
  const worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module', name: 'rankflow' });
  worker.addEventListener('error', ({ message }) => {
    onFailure(
      `The worker that computes has failed${message ? ` (${message})` : ''}. Reload the page; the lab needs a current browser.`,
    );
  });
  return wrap<Engine>(worker);
}

new Lab(document.querySelector<HTMLElement>('#lab')!);
