import type { Case } from '../cases.js';
import type { CheckContext } from '../check.js';

/** What several checks look at, found once for each context and case. */
export function once<T>(find: (context: CheckContext, at: Case) => Promise<T>): typeof find {
  const known = new WeakMap<CheckContext, Map<Case, Promise<T>>>();
  return (context, at) => {
    const ofContext = known.get(context) ?? new Map<Case, Promise<T>>();
    known.set(context, ofContext);
    const found = ofContext.get(at) ?? find(context, at);
    ofContext.set(at, found);
    return found;
  };
}
