/**
 * The files that a module's results rest on: itself, what it imports or reads by a name that is written in it, directly
 * or not. Packages are known by name and version. What is imported or read by a name that is put together when it runs
 * cannot be seen. Node.js only.
 */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { createJiti } from 'jiti';
import { withFile } from '../files/disk.js';
import { packageRoot } from '../host/packageRoot.js';

/** The loader that modules are read by, without its cache of translated files, so that it sees every source. */
const jiti = createJiti(import.meta.url, { fsCache: false });

const SOURCE = /\.[cm]?[jt]sx?$/i;
const PACKAGES = `${sep}node_modules${sep}`;
/** Folder of the code that comes with rankflow, which has a version. */
const RANKFLOW = join(packageRoot, 'dist') + sep;

export interface Rested {
  /** "NAME@VERSION" of a package, or a path relative to the module's folder; the same wherever that is. */
  readonly name: string;
  /** SHA-256 of a file; null for a package. */
  readonly digest: string | null;
}

/** Everything that a module rests on, sorted by name. @throws InputError if a file of it cannot be read */
export function moduleGraph(module: string): Rested[] {
  const rested = new Map<string, Rested>();
  const root = resolve(module);
  const waiting = [root];
  const seen = new Set(waiting);
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    if (file.startsWith(RANKFLOW)) continue;
    const inPackage = file.includes(PACKAGES);
    const name = inPackage ? packageOf(file) : relative(dirname(root), file).replaceAll(sep, '/');
    rested.set(name, { name, digest: inPackage ? null : digestOfFile(file) });
    if (inPackage || !SOURCE.test(file)) continue;
    for (const other of namedIn(file))
      if (!seen.has(other)) {
        seen.add(other);
        waiting.push(other);
      }
  }
  return [...rested.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

const PIECE = 2 ** 24;

const digestOfFile = (path: string): string =>
  withFile(path, ({ size, read }) => {
    const hash = createHash('sha256');
    for (let begin = 0; begin < size; begin += PIECE) hash.update(read(begin, PIECE));
    return hash.digest('hex');
  });

interface Callee {
  readonly type: string;
  readonly name?: string;
  readonly property?: Callee;
}

/** What Babel, which translates modules for the loader, passes to visitors; the part that is used here. */
interface Visited {
  readonly node: {
    readonly value?: unknown;
    readonly quasis?: readonly { readonly value: { readonly cooked?: string } }[];
  };
  readonly parent: { readonly type: string; readonly callee?: Callee };
  traverse(visitor: Readonly<Record<string, (path: Visited) => void>>): void;
}

const MODULE_NAMES = /^(Import|Export|TSExternalModuleReference)/;
/** Calls that load what they name: import(), require(), fs.readFileSync(), new URL(). */
const LOADS = /^(import|url)$|req|resolve|read|load|open/i;
/** Calls of files that load nothing; other functions may be made by createRequire(). */
const LOADS_NOTHING = /exists|write|append|mkdir|rm|unlink|stat|access|copy|rename/i;

/** Whether a text stands where something is named that is loaded. */
function isLoaded(text: string, { type, callee }: Visited['parent']): boolean {
  if (MODULE_NAMES.test(type)) return true;
  const name = callee?.property?.name ?? callee?.name ?? callee?.type ?? '';
  const isRelative = /^\.{1,2}\//.test(text);
  return LOADS.test(name) || (isRelative && callee?.type === 'Identifier' && !LOADS_NOTHING.test(name));
}

/** Files that a module's source names where something is loaded: as modules, and as they are. */
function namedIn(file: string): string[] {
  const files = new Set<string>();
  // Node.js itself looks beside what a link leads to, the loader beside the link.
  const places = new Set([file, realpathSync(file)]);
  const hear = (text: unknown, { parent }: Visited) => {
    if (typeof text !== 'string' || !isLoaded(text, parent)) return;
    for (const place of places)
      for (const named of [moduleNamed(text, place), fileNamed(text, place)]) if (named) files.add(named);
  };
  const collect = () => ({
    visitor: {
      Program: (program: Visited) =>
        program.traverse({
          StringLiteral: (path) => hear(path.node.value, path),
          TemplateLiteral: (path) =>
            path.node.quasis?.length === 1 && hear(path.node.quasis[0]!.value.cooked, path),
        }),
    },
  });
  jiti.transform({
    source: readFileSync(file, 'utf8'),
    filename: file,
    ts: /\.[cm]?tsx?$/i.test(file),
    async: true,
    babel: { plugins: [collect] },
  });
  return [...files];
}

function moduleNamed(text: string, from: string): string | null {
  if (isBuiltin(text)) return null;
  const url = jiti.esmResolve(text, { parentURL: pathToFileURL(from).href, try: true });
  return url?.startsWith('file:') ? existing(fileURLToPath(url)) : null;
}

/** A file named relative to the module that names it, or to where the process works. */
const fileNamed = (text: string, from: string): string | null =>
  text === '' || text.length > 1000 || text.includes('\0')
    ? null
    : (existing(resolve(dirname(from), text)) ?? existing(resolve(text)));

const existing = (path: string): string | null =>
  statSync(path, { throwIfNoEntry: false })?.isFile() ? path : null;

/** "NAME@VERSION" of the package that a file is in. */
function packageOf(file: string): string {
  for (let folder = dirname(file); folder !== dirname(folder); folder = dirname(folder)) {
    const manifest = join(folder, 'package.json');
    if (!existsSync(manifest)) continue;
    const { name, version } = JSON.parse(readFileSync(manifest, 'utf8')) as Record<string, unknown>;
    if (typeof name === 'string' && typeof version === 'string') return `${name}@${version}`;
  }
  return file;
}
