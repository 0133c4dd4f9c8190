/**
 * Writes the assembly's registry of structures: each kind has a file in assembly/structures, which exports its descent.
 */

/** @param kinds in the order of their codes */
export const structuresText = (kinds: readonly string[]): string => `
import { parameters } from '../parameters';
${kinds.map((kind) => `import * as ${kind} from '../structures/${kind}';\n`).join('')}
/** Writes the descent -G Y of X and -G^T X of Y at a state, or only a part of it, to \`out\`. */
export function descent(out: usize, state: usize, parts: i32): void {
  switch (parameters.structure) {
${kinds.map((kind, code) => `    case ${code}: ${kind}.descent(out, state, parts); break;\n`).join('')}  }
}
`;
