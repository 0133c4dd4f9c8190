/**
 * Turns of the event loop between pieces of work, so that signals, timers and messages are heard while it is done.
 * Work that is awaited but never waits for a device, as all is on the processor, would not let them in by itself.
 */

/** Milliseconds of work from one turn to the next. */
const INTERVAL = 50;

let turned = performance.now();

/** Lets the event loop turn once, if it has not for 50 ms: to be awaited between pieces of work that are shorter. */
export function turnEventLoop(): Promise<void> | undefined {
  if (performance.now() - turned < INTERVAL) return undefined;
  return new Promise((resolve) => {
    const done = () => {
      turned = performance.now();
      resolve();
    };
    // Browsers have none.
    if (typeof setImmediate === 'function') setImmediate(done);
    else setTimeout(done);
  });
}
