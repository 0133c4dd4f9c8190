/**
 * The order conditions of explicit Runge-Kutta methods: one for each rooted tree of at most as many nodes as the order
 * (Butcher 1963; Hairer, Norsett, Wanner I, II.2).
 */

/** A rooted tree by the subtrees at its root. */
interface Tree {
  readonly nodes: number;
  readonly subtrees: readonly Tree[];
}

/** The rooted trees of so many nodes: sets, with repetition, of smaller trees that have one node fewer together. */
function treesOf(nodes: number): readonly Tree[] {
  const smaller = Array.from({ length: nodes - 1 }, (_, i) => treesOf(i + 1)).flat();
  const sets = (left: number, from: number): Tree[][] =>
    left === 0
      ? [[]]
      : smaller.flatMap((tree, i) =>
          i < from || tree.nodes > left ? [] : sets(left - tree.nodes, i).map((rest) => [tree, ...rest]),
        );
  return sets(nodes - 1, 0).map((subtrees) => ({ nodes, subtrees }));
}

const density = ({ nodes, subtrees }: Tree): number =>
  subtrees.reduce((product, tree) => product * density(tree), nodes);

/** Rooted trees of 1, 2, ... nodes: 1, 1, 2, 4, 9, 20, 48, 115 of each. */
export const rootedTrees = (order: number): readonly Tree[] =>
  Array.from({ length: order }, (_, i) => treesOf(i + 1)).flat();

/**
 * Residuals of the order conditions up to `order`, zero for a method of that order.
 * @param a strictly lower triangular coefficients, row i of length i
 * @param b weights of the stages
 */
export function orderResiduals(
  a: readonly (readonly number[])[],
  b: readonly number[],
  order: number,
): number[] {
  /** Weight of a tree at each stage. */
  const weights = ({ subtrees }: Tree): readonly number[] => {
    const factors = subtrees.map((tree) => {
      const inner = weights(tree);
      return a.map((row) => row.reduce((sum, aij, j) => sum + aij * inner[j]!, 0));
    });
    return b.map((_, i) => factors.reduce((product, factor) => product * factor[i]!, 1));
  };
  return rootedTrees(order).map((tree) => {
    const stages = weights(tree);
    return b.reduce((sum, bi, i) => sum + bi * stages[i]!, 0) - 1 / density(tree);
  });
}
