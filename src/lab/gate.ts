/** Where a computation waits while it is paused, and ends when it is stopped. */

/** What a stopped computation throws. */
export class Stopped extends Error {
  override readonly name = 'Stopped';
}

/** Seconds after which the worker listens to the page. */
const LISTEN = 0.05;

export class Gate {
  /** Seconds spent waiting. */
  waited = 0;
  private stopped = false;
  private opened: Promise<void> | null = null;
  private release: () => void = () => undefined;
  private listened = performance.now();

  shut(): void {
    this.opened ??= new Promise((resolve) => (this.release = resolve));
  }

  open(): void {
    this.release();
    this.opened = null;
  }

  stop(): void {
    this.stopped = true;
    this.open();
  }

  /** Lets the worker hear what the page has said, and waits while the gate is shut. @throws Stopped */
  async pass(): Promise<void> {
    if (performance.now() - this.listened > 1000 * LISTEN) {
      await new Promise((resolve) => setTimeout(resolve));
      this.listened = performance.now();
    }
    if (this.opened) {
      const since = performance.now();
      await this.opened;
      this.waited += (performance.now() - since) / 1000;
    }
    if (this.stopped) throw new Stopped('stopped');
  }
}
