/**
 * Measurements that several checks share: each is taken once for a context and a case, and kept as long as these are.
 */
import type { CheckContext } from '../check.js';
import type { Case } from '../cases.js';

/** Keeps the promise of a measurement: the same function, which measures a case of a context once. */
export function once<T>(measure: (context: CheckContext, at: Case) => Promise<T>): typeof measure {
  const results = new WeakMap<CheckContext, Map<Case, Promise<T>>>();
  return (context, at) => {
    const byCase = results.get(context) ?? new Map<Case, Promise<T>>();
    results.set(context, byCase);
    const result = byCase.get(at) ?? measure(context, at);
    byCase.set(at, result);
    return result;
  };
}
