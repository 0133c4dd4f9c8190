/**
 * Explicit Runge-Kutta methods as data: Butcher tableaus that assert their own order conditions. An embedded pair
 * carries the weights of its error estimate.
 */
export interface Tableau {
  readonly order: number;
  /** Strictly lower triangular coefficients, row i of length i. */
  readonly a: readonly (readonly number[])[];
  readonly b: readonly number[];
  /** Weights of the embedded solution and its order, for adaptive methods. */
  readonly embedded?: { readonly order: number; readonly b: readonly number[] };
}

/** Classical fourth-order Runge-Kutta (Kutta 1901). */
const rk4: Tableau = {
  order: 4,
  a: [[], [1 / 2], [0, 1 / 2], [0, 0, 1]],
  b: [1 / 6, 1 / 3, 1 / 3, 1 / 6],
};

/** Bogacki and Shampine 1989, 3(2), first same as last. */
const bosh3: Tableau = {
  order: 3,
  a: [[], [1 / 2], [0, 3 / 4], [2 / 9, 1 / 3, 4 / 9]],
  b: [2 / 9, 1 / 3, 4 / 9, 0],
  embedded: { order: 2, b: [7 / 24, 1 / 4, 1 / 3, 1 / 8] },
};

/** Dormand and Prince 1980, 5(4), first same as last. */
const dopri5: Tableau = {
  order: 5,
  a: [
    [],
    [1 / 5],
    [3 / 40, 9 / 40],
    [44 / 45, -56 / 15, 32 / 9],
    [19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729],
    [9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656],
    [35 / 384, 0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84],
  ],
  b: [35 / 384, 0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84, 0],
  embedded: {
    order: 4,
    b: [5179 / 57600, 0, 7571 / 16695, 393 / 640, -92097 / 339200, 187 / 2100, 1 / 40],
  },
};

export const tableaus = { rk4, bosh3, dopri5 } as const;

/** True if the last stage is evaluated at the new state, so that it is the next step's first. */
export function firstSameAsLast({ a, b }: Tableau): boolean {
  const last = a.at(-1) ?? [];
  return b.at(-1) === 0 && last.length === b.length - 1 && last.every((value, j) => value === b[j]);
}

/**
 * The residuals of the order conditions up to `order` (at most 5): one per rooted tree, zero for a method of that
 * order (Butcher 1963; Hairer, Norsett, Wanner I, table II.2.2).
 */
export function orderResiduals(a: Tableau['a'], b: readonly number[], order: number): number[] {
  const stages = b.length;
  type Stage = readonly number[];
  const each = (f: (i: number) => number): Stage => Array.from({ length: stages }, (_, i) => f(i));
  const apply = (v: Stage): Stage => each((i) => (a[i] ?? []).reduce((sum, aij, j) => sum + aij * v[j]!, 0));
  const times = (...vs: Stage[]): Stage => each((i) => vs.reduce((product, v) => product * v[i]!, 1));
  const one = each(() => 1);
  const c = apply(one);
  const ac = apply(c);
  const acc = apply(times(c, c));
  const aac = apply(ac);
  // [order, elementary weight, 1 / density] of each rooted tree.
  const trees: [number, Stage, number][] = [
    [1, one, 1],
    [2, c, 1 / 2],
    [3, times(c, c), 1 / 3],
    [3, ac, 1 / 6],
    [4, times(c, c, c), 1 / 4],
    [4, times(c, ac), 1 / 8],
    [4, acc, 1 / 12],
    [4, aac, 1 / 24],
    [5, times(c, c, c, c), 1 / 5],
    [5, times(c, c, ac), 1 / 10],
    [5, times(ac, ac), 1 / 20],
    [5, times(c, acc), 1 / 15],
    [5, times(c, aac), 1 / 30],
    [5, apply(times(c, c, c)), 1 / 20],
    [5, apply(times(c, ac)), 1 / 40],
    [5, apply(acc), 1 / 60],
    [5, apply(aac), 1 / 120],
  ];
  return trees
    .filter(([treeOrder]) => treeOrder <= order)
    .map(([, weight, expected]) => b.reduce((sum, bi, i) => sum + bi * weight[i]!, 0) - expected);
}

/** @throws Error if the tableau does not have the order it claims, to rounding */
export function assertOrder(name: string, { order, a, b, embedded }: Tableau): void {
  const worst = (weights: readonly number[], p: number) =>
    Math.max(...orderResiduals(a, weights, p).map(Math.abs));
  // Sums of at most seven terms of size up to 15: rounding is below 1e-14.
  const defect = Math.max(worst(b, order), embedded ? worst(embedded.b, embedded.order) : 0);
  if (!(defect < 1e-13)) throw new Error(`tableau ${name} violates its order conditions by ${defect}`);
}

for (const [name, tableau] of Object.entries(tableaus)) assertOrder(name, tableau);
