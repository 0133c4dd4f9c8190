/**
 * The public surface: named re-exports and groups of them alone, and every type that an exported signature mentions is
 * exported too, by TypeScript's own reading of the built declarations; a surface that lacks one is caught.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
const built = join(root, 'dist');

/** Types of rankflow that declarations reachable from a module mention, and that it does not export. */
function missingFrom(file: string, text?: string): string[] {
  const options: ts.CompilerOptions = {
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    skipLibCheck: true,
    types: [],
  };
  const host = ts.createCompilerHost(options);
  const { getSourceFile, fileExists } = host;
  if (text !== undefined) {
    host.fileExists = (name) => name === file || fileExists(name);
    host.getSourceFile = (name, ...rest) =>
      name === file
        ? ts.createSourceFile(name, text, ts.ScriptTarget.Latest, true)
        : getSourceFile(name, ...rest);
  }
  const program = ts.createProgram([file], options, host);
  const checker = program.getTypeChecker();
  const resolved = (symbol: ts.Symbol): ts.Symbol =>
    symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
  const surface = new Set<ts.Symbol>();
  const add = (module: ts.Symbol): void => {
    for (const each of checker.getExportsOfModule(module)) {
      const symbol = resolved(each);
      if (symbol.flags & ts.SymbolFlags.ValueModule) add(symbol);
      else surface.add(symbol);
    }
  };
  add(checker.getSymbolAtLocation(program.getSourceFile(file)!)!);
  const missing = new Set<string>();
  const look = (node: ts.Node): void => {
    const name = ts.isTypeReferenceNode(node)
      ? node.typeName
      : ts.isExpressionWithTypeArguments(node)
        ? node.expression
        : ts.isImportTypeNode(node)
          ? (node.qualifier ?? node)
          : null;
    const found = name && checker.getSymbolAtLocation(name);
    if (found) {
      const symbol = resolved(found);
      const declaration = symbol.declarations?.[0];
      const isOwn = declaration?.getSourceFile().fileName.startsWith(built);
      if (isOwn && !ts.isTypeParameterDeclaration(declaration!) && !surface.has(symbol))
        missing.add(symbol.name);
    }
    ts.forEachChild(node, look);
  };
  for (const { declarations = [] } of surface) declarations.forEach(look);
  return [...missing].sort();
}

describe('the public surface', () => {
  it.each(['index.ts', ...readdirSync(join(root, 'src/public')).map((name) => `public/${name}`)])(
    'is named re-exports, and groups of them: %s',
    (name) => {
      const text = readFileSync(join(root, 'src', name), 'utf8').replace(/\/\*[\s\S]*?\*\//g, '');
      for (const statement of text.split(';').map((part) => part.trim()))
        expect(statement).toMatch(
          /^$|^export (type )?\{[^{}]+\} from '\.\.?\/[^']+\.js'$|^export \* as \w+ from '\.\/public\/\w+\.js'$/,
        );
    },
  );

  it('exports every type that what it exports mentions', () => {
    expect(missingFrom(join(built, 'src/index.d.ts'))).toEqual([]);
  });

  it('is caught where it lacks one', () => {
    const file = join(built, 'src/lacking.d.ts');
    expect(missingFrom(file, "export { dense } from './numbers/dense.js';")).toEqual(['Dense']);
    expect(missingFrom(file, "export { dense, type Dense } from './numbers/dense.js';")).toEqual([]);
    expect(missingFrom(file, "export * as some from './theory/balanced.js';")).toContain('Coupling');
    expect(dirname(file)).toBe(join(built, 'src'));
  });
});
