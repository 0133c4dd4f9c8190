/** Small words of the generators. */

/** Whole numbers from one up to, and without, another. */
export const range = (from: number, to: number): number[] =>
  Array.from({ length: Math.max(0, to - from) }, (_, i) => from + i);

/** A line for every item. */
export const lines = <T>(items: readonly T[], line: (item: T) => string): string =>
  items.map(line).join('\n');
