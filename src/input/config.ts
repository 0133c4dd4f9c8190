/** Configurations read from YAML or JSON. Node.js only. */
import { readFileSync, statSync } from 'node:fs';
import { dirname, isAbsolute, join } from 'node:path';
import { initializationNames } from '../ensemble/initialization.js';
import { isThere } from '../files/disk.js';
import { textOf } from '../files/foreign.js';
import { parseLocation } from '../files/location.js';
import { isMap, isScalar, LineCounter, parseDocument, visit } from 'yaml';
import { InputError } from '../host/inputError.js';
import { lossNames } from '../problem/losses.js';
import { curvatureKeys, type CurvatureSpecs } from '../problem/source.js';
import { isNamedSpectrum } from '../problem/spectrum.js';

/** Most bytes of a config: YAML makes up to a thousand times as many of them. Long lists belong in a .npy or .csv. */
const MAX_BYTES = 2 ** 17;

/**
 * Reads a YAML or JSON config; file names in it are relative to it.
 * @throws InputError if the file cannot be read or parsed, or is not a mapping
 */
export function readConfig(file: string): Record<string, unknown> {
  let value: unknown;
  try {
    if (statSync(file).size > MAX_BYTES) throw new TypeError(`it has more than ${MAX_BYTES} bytes`);
    value = parsed(textOf(file, readFileSync(file)));
  } catch (error) {
    if (error instanceof InputError) throw error;
    throw new InputError('config', file, `a readable YAML or JSON file (${(error as Error).message})`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new InputError('config', file, 'a YAML or JSON mapping of keys to values');
  }
  const config = { ...value } as Record<string, unknown>;
  const beside = (key: string) => (named: unknown) =>
    typeof named === 'string' && !isAbsolute(named) && isFile(key, named, dirname(file))
      ? join(dirname(file), named)
      : named;
  for (const key of ['loss', 'target', 'base', ...curvatureKeys, 'spectrum', 'init']) {
    const named = config[key];
    if (named !== undefined) config[key] = Array.isArray(named) ? named.map(beside(key)) : beside(key)(named);
  }
  return config;
}

/** Whether a value of a key names a file by its ending, or a file or folder that is there, seen from a folder. */
function isFile(key: string, named: string, folder: string): boolean {
  if (isFileName(named)) return true;
  if (key === 'loss' || isNamedStart(named)) return false;
  return isThere(parseLocation(join(folder, named)).path);
}

const isNamedStart = (spec: string) => Object.hasOwn(initializationNames, spec.split(':')[0]!);

/** Keys of a config whose values may name files. */
interface FileKeys extends CurvatureSpecs {
  readonly target?: string | undefined;
  readonly base?: string | undefined;
  readonly spectrum?: string | readonly number[] | undefined;
  readonly init: readonly string[];
  readonly loss: readonly string[];
}

/** The first file or folder that a sweep's config names, of a matrix, adapters or a loss; undefined without any. */
export const namedFile = ({ target, base, spectrum, init, loss, ...rest }: FileKeys): string | undefined =>
  [
    target,
    base,
    ...[...curvatureKeys.map((key) => rest[key]), spectrum].map((named) =>
      typeof named === 'string' && !isNamedSpectrum(named) ? named : undefined,
    ),
    init.find((spec) => !isNamedStart(spec)),
    loss.find((name) => !lossNames.includes(name)),
  ].find((named) => named !== undefined);

/** Whether a value is the name of a file that a config can name: of a matrix, adapters or a loss. */
const isFileName = (value: string): boolean =>
  /\.((safetensors(\.index\.json)?|npy|csv)(#.*)?|[cm]?[jt]s)$/is.test(value);

/** Beginning of a comment in JSON with comments, which is text in YAML; and text in which it does not count. */
const JSON_COMMENT = /(^|[\s,{}[\]])\/[/*]/m;
const QUOTED = /"(?:[^"\\]|\\.)*(?:"|$)|'[^']*(?:'|$)|(?<=\s)#[^\n]*/gs;

/**
 * What YAML text says, in time and memory that grow with its length alone. The library's own check for repeated keys
 * would compare each with each, and all its errors would quote their lines; aliases can name far more than is written,
 * and keys that are collections would be written out as text, their own keys more than once.
 * @throws Error that says what is wrong
 */
function parsed(text: string): unknown {
  if (text.trimStart().startsWith('{') && JSON_COMMENT.test(text.replaceAll(QUOTED, '""')))
    throw new TypeError('comments begin with #, not with // or /*');
  const lines = new LineCounter();
  const document = parseDocument(text, {
    schema: 'core',
    uniqueKeys: false,
    prettyErrors: false,
    lineCounter: lines,
    logLevel: 'error',
  });
  const fault = document.errors[0] ?? document.warnings[0];
  if (fault) {
    const { line, col } = lines.linePos(fault.pos[0]);
    throw new TypeError(`${fault.message} at line ${line}, column ${col}`);
  }
  visit(document, {
    Alias(_, { source }) {
      throw new TypeError(`an alias, *${source}`);
    },
    Pair(_, { key }) {
      if (!isScalar(key)) throw new TypeError('a key that is no text');
    },
  });
  const keys = isMap(document.contents) ? document.contents.items.map(({ key }) => String(key)) : [];
  const seen = new Set<string>();
  const repeated = keys.find((key) => seen.size === seen.add(key).size);
  if (repeated !== undefined) throw new TypeError(`${repeated} is there twice`);
  return document.toJS();
}
