/**
 * Turns at TensorFlow.js, which computes on one backend at a time for all of a process: work that needs another backend
 * waits until what is under way has ended.
 */

/** A backend's name, or a symbol of work that shares its turn with no other. */
type Key = string | symbol;

let current: { readonly key: Key; workers: number } | null = null;
const waiting: { readonly key: Key; start(): void }[] = [];

/**
 * Does work when it has its turn, together with other work of the same key. Work must not wait for work of another key,
 * which waits for it.
 */
export async function inTurn<T>(key: Key, work: () => Promise<T>): Promise<T> {
  await enter(key);
  try {
    return await work();
  } finally {
    pass();
  }
}

/** Waits for something in a turn of that key, which others may have meanwhile; what is waited for may be their work. */
export async function outOfTurn<T>(key: Key, wait: () => T | Promise<T>): Promise<T> {
  pass();
  try {
    return await wait();
  } finally {
    await enter(key);
  }
}

async function enter(key: Key): Promise<void> {
  if (current && current.key !== key) await new Promise<void>((start) => waiting.push({ key, start }));
  else if (current) current.workers++;
  else current = { key, workers: 1 };
}

/** Ends a turn; the last of its key lets in all that wait with the key of the first that waits. */
function pass(): void {
  if (--current!.workers > 0) return;
  const key = waiting[0]?.key;
  const next = waiting.filter((each) => each.key === key);
  current = key === undefined ? null : { key, workers: next.length };
  waiting.splice(0, waiting.length, ...waiting.filter((each) => each.key !== key));
  for (const { start } of next) start();
}
