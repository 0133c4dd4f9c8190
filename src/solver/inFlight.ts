/** Work on several things at once, whose results come in the order of the things. */

/**
 * Yields what `work` gives of each thing, in turn, while it is under way for `most` of them, so that no worker is idle
 * while another ends. A thing is asked for when its work can begin; what has begun is yielded after the last.
 * @throws what `work` throws, when its turn comes
 */
export async function* inFlight<Thing, Result>(
  things: Iterable<Thing>,
  most: number,
  work: (thing: Thing) => Promise<Result>,
): AsyncGenerator<Result> {
  const todo = things[Symbol.iterator]();
  const begun: Promise<Result>[] = [];
  for (;;) {
    while (begun.length < most) {
      const { value, done } = todo.next();
      if (done) break;
      const result = work(value);
      // Its failure is heard of when its turn comes.
      result.catch(() => undefined);
      begun.push(result);
    }
    const next = begun.shift();
    if (!next) return;
    yield await next;
  }
}
