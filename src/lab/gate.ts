/** Gate of a computation: it waits there while it is paused, and ends when it is stopped. */

/** Error that ends a stopped computation. */
export class Stopped extends Error {
  override readonly name = 'Stopped';
}

/** Seconds after which the worker listens to the page. */
const LISTEN = 0.05;

export class Gate {
  /** Seconds spent waiting. */
  secondsWaited = 0;
  private stopped = false;
  private opening: Promise<void> | null = null;
  private release: () => void = () => undefined;
  private lastPass = performance.now();

  shut(): void {
    this.opening ??= new Promise((resolve) => (this.release = resolve));
  }

  open(): void {
    this.release();
    this.opening = null;
  }

  stop(): void {
    this.stopped = true;
    this.open();
  }

  /** Lets the worker hear what the page has said, and waits while the gate is shut. @throws Stopped */
  async pass(): Promise<void> {
    if (performance.now() - this.lastPass > 1000 * LISTEN) {
      await new Promise((resolve) => setTimeout(resolve));
      this.lastPass = performance.now();
    }
    if (this.opening) {
      const since = performance.now();
      await this.opening;
      this.secondsWaited += (performance.now() - since) / 1000;
    }
    if (this.stopped) throw new Stopped('stopped');
  }
}
