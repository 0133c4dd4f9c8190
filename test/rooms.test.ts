/** The order of rooms: each imports only from rooms above it in the list; type-only and dynamic imports count too. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Folders of src and kernels, from the ground up. */
const order = [
  'src/host',
  'src/numbers',
  'src/flow',
  'src/files',
  'src/theory',
  'src/problem',
  'src/method',
  'src/ensemble',
  'kernels',
  'kernels/tensorOps',
  'kernels/cpu',
  'kernels/native',
  'kernels/wasm',
  'kernels/webgpu',
  'src/backend',
  'src/solver',
  'src/input',
  'src/sweep',
  'src/simulation',
  'src/verify',
  'src/report',
  'src/results',
  'src/run',
  'src/reproduce',
  'src/advise',
  'src/cluster',
  'src/cli',
  'src/lab',
  'src/public',
  'src',
] as const;

/** The room of a file: a folder of src, or kernels and its folders. */
function roomOf(file: string): string {
  const [tree, folder] = dirname(file).split(sep);
  return folder === undefined ? tree! : `${tree}/${folder}`;
}

/** Files that a source text imports or exports from, whatever the kind of import, relative to the root. */
const importsOf = (file: string, text: string): string[] =>
  [
    ...ts.preProcessFile(text).importedFiles.map(({ fileName }) => fileName),
    ...[...text.matchAll(/(?:new URL\(|import\(|\.resolve\()\s*['"`](\.[^'"`]*)/g)].map(([, name]) => name!),
  ]
    .filter((name) => name.startsWith('.'))
    .map((name) => resolve(root, dirname(file), name.replace(/\.js$/, '.ts')))
    .filter((path) => path.endsWith('.ts') && existsSync(path))
    .map((path) => relative(root, path))
    .filter((path, i, all) => all.indexOf(path) === i);

/** Imports that go up, or to a room that is not in the list. */
function faultsOf(file: string, imports: readonly string[]): string[] {
  const place = (room: string) => (order as readonly string[]).indexOf(room);
  const own = roomOf(file);
  return imports
    .filter(
      (other) => roomOf(other) !== own && !(place(roomOf(other)) >= 0 && place(roomOf(other)) < place(own)),
    )
    .map((other) => `${file} imports ${other}`);
}

const files = ['src', 'kernels'].flatMap((tree) =>
  readdirSync(join(root, tree), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.d.ts') && !name.includes('assembly'))
    .map((name) => join(tree, name)),
);
const texts = new Map(files.map((file) => [file, readFileSync(join(root, file), 'utf8')]));

describe('the rooms', () => {
  it('are all in the list, and the list has no others', () => {
    expect(new Set(files.map(roomOf))).toEqual(new Set(order));
  });

  it('import only from those above them in the list', () => {
    expect(texts.size).toBeGreaterThan(200);
    expect([...texts].flatMap(([file, text]) => faultsOf(file, importsOf(file, text)))).toEqual([]);
  });

  it.each([
    ['a value', "import { makePlan } from '../sweep/plan.js';"],
    ['a type', "import type { Plan } from '../sweep/plan.js';"],
    ['an export', "export type { Plan } from '../sweep/plan.js';"],
    ['a dynamic import with a comment', "await import(/* later */ '../sweep/plan.js')"],
    ['a dynamic import of a template', 'await import(`../sweep/plan.js`)'],
    ['a type in place', "type Plan = import('../sweep/plan.js').Plan;"],
    ['a name in double quotes', 'import { makePlan } from "../sweep/plan.js";'],
    ['a file that is resolved', "import.meta.resolve('../sweep/plan.js')"],
    ['a dynamic import', "const { makePlan } = await import('../sweep/plan.js');"],
    ['a side effect', "import '../sweep/plan.js';"],
    ['a file that is loaded by its address', "new URL('../sweep/plan.js', import.meta.url)"],
  ])('are out of order where one imports %s from below', (_, text) => {
    const file = 'src/solver/solve.ts';
    expect(faultsOf(file, importsOf(file, text))).toEqual([`${file} imports src/sweep/plan.ts`]);
    expect(faultsOf('src/cli/sweep.ts', importsOf('src/cli/sweep.ts', text))).toEqual([]);
  });
});
