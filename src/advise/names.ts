/** Names of one checkpoint beside those of another that has the same weights, perhaps under another prefix. */

/** A prefix of names and what another checkpoint has in its place; both empty where names are the same. */
export interface Renaming {
  readonly from: string;
  readonly to: string;
}

/** A name and its ends after a dot, the longest first, down to two parts: a module and its `weight`. */
function* endsOf(name: string): Generator<string> {
  for (let end = name; end.includes('.'); end = end.slice(end.indexOf('.') + 1)) yield end;
}

/**
 * The name in `there` of each name of `here` that has one: the same, or of those that have none the same but for a
 * prefix, as in `bert.encoder...` for `encoder...`. The prefix is that by which most names find one.
 */
export function matchNames(
  here: readonly string[],
  there: readonly string[],
): { readonly matches: ReadonlyMap<string, string>; readonly renaming: Renaming | null } {
  const thereSet = new Set(there);
  const matches = new Map(here.filter((name) => thereSet.has(name)).map((name) => [name, name]));
  const missing = here.filter((name) => !matches.has(name));
  const spare = there.filter((name) => !matches.has(name));
  const renaming = usualRenaming(missing, spare);
  if (renaming === null) return { matches, renaming };
  const spareSet = new Set(spare);
  for (const name of missing.filter((each) => each.startsWith(renaming.from))) {
    const renamed = renaming.to + name.slice(renaming.from.length);
    if (spareSet.has(renamed)) matches.set(name, renamed);
  }
  return { matches, renaming };
}

function usualRenaming(missing: readonly string[], spare: readonly string[]): Renaming | null {
  const byEnd = new Map<string, string | null>();
  for (const name of spare) for (const end of endsOf(name)) byEnd.set(end, byEnd.has(end) ? null : name);
  const votes = new Map<string, { readonly renaming: Renaming; count: number }>();
  for (const name of missing)
    for (const end of endsOf(name)) {
      const other = byEnd.get(end);
      if (!other) continue;
      const [from, to] = [name, other].map((whole) => whole.slice(0, whole.length - end.length));
      const vote = votes.get(`${from} ${to}`) ?? { renaming: { from: from!, to: to! }, count: 0 };
      vote.count++;
      votes.set(`${from} ${to}`, vote);
      break;
    }
  const [first] = [...votes.values()].sort((a, b) => b.count - a.count);
  return first?.renaming ?? null;
}
