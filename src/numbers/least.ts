/** The least of several numbers, the first of equal ones; NaN is none. */

/** Index of the least number; 0 where there is none. */
export function indexOfLeast(values: ArrayLike<number>): number {
  let least = 0;
  for (let i = 1; i < values.length; i++)
    if (values[i]! < values[least]! || Number.isNaN(values[least])) least = i;
  return least;
}

/** The item whose number is the least; undefined of no items. */
export const leastBy = <T>(items: readonly T[], numberOf: (item: T) => number): T | undefined =>
  items[indexOfLeast(items.map(numberOf))];
