/** Work on several things at once: how many are under way, in what order results come, and what becomes of a failure. */
import { describe, expect, it } from 'vitest';
import { inFlight } from '../src/solver/inFlight.js';

/** Work that ends when it is told to. */
function work() {
  const begun: string[] = [];
  const ends = new Map<string, { resolve(value: string): void; reject(error: Error): void }>();
  const on = (thing: string) => {
    begun.push(thing);
    return new Promise<string>((resolve, reject) => ends.set(thing, { resolve, reject }));
  };
  return { begun, on, end: (thing: string) => ends.get(thing)!.resolve(thing), ends };
}

describe('things in flight', () => {
  it('are so many at a time, and come in their order', async () => {
    const { begun, on, end } = work();
    const results = inFlight(['a', 'b', 'c', 'd'], 2, on);
    const first = results.next();
    expect(begun).toEqual(['a', 'b']);
    end('b');
    end('a');
    expect((await first).value).toBe('a');
    // No more than two, of which b has not been yielded.
    const second = results.next();
    expect((await second).value).toBe('b');
    expect(begun).toEqual(['a', 'b', 'c']);
    const third = results.next();
    expect(begun).toEqual(['a', 'b', 'c', 'd']);
    end('d');
    end('c');
    expect((await third).value).toBe('c');
    expect((await results.next()).value).toBe('d');
    expect((await results.next()).done).toBe(true);
  });

  it('fail when their turn comes, and not before', async () => {
    const { on, end, ends } = work();
    const results = inFlight(['a', 'b'], 2, on);
    const first = results.next();
    ends.get('b')!.reject(new Error('b failed'));
    await new Promise((resolve) => setTimeout(resolve));
    end('a');
    expect((await first).value).toBe('a');
    await expect(results.next()).rejects.toThrow('b failed');
  });
});
