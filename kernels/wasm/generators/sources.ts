/**
 * The sources of the assembly that are written by machine: what files there import from './generated'. The build
 * (scripts/build-wasm.js) compiles them with the others, for each precision with and without fused multiply-add.
 */
import type { Precision } from '../../../src/numbers/precision.js';
import { kinds } from '../structures.js';
import { classesText } from './classes.js';
import { constantsText } from './constants.js';
import { structuresText } from './structures.js';
import { unrolledText } from './unrolled.js';

/** AssemblyScript's name of the real numbers, and how many of them a vector holds. */
const reals = { float32: { name: 'f32', lanes: 4 }, float64: { name: 'f64', lanes: 2 } } as const;

/** Texts by file name. */
export function generatedSources(precision: Precision, fused: boolean): Record<string, string> {
  const { name, lanes } = reals[precision];
  return {
    'generated/constants.ts': constantsText(),
    'generated/layout.ts': classesText(),
    'generated/structures.ts': structuresText(kinds),
    'generated/unrolled.ts': unrolledText(lanes),
    'generated/variant.ts': `export type Real = ${name};\nexport const FUSED: bool = ${fused};\n`,
  };
}
