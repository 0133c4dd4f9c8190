/**
 * Writes the assembly's registry of structures: each kind has a file in assembly/structures, which exports its descent
 * with the decay in it: it costs nothing in the descent's last pass, and a pass of its own after it.
 */

/** @param kinds in the order of their codes */
export const structuresText = (kinds: readonly string[]): string => `
import { parameters } from '../parameters';
${kinds.map((kind) => `import * as ${kind} from '../structures/${kind}';\n`).join('')}
/** Writes the descent of X and of Y less their decay, -G Y - mu X and -G^T X - nu Y, or only a part of it, to \`out\`. */
export function descent(out: usize, state: usize, parts: i32): void {
  switch (parameters.structure) {
${kinds.map((kind, code) => `    case ${code}: ${kind}.descent(out, state, parts); break;\n`).join('')}  }
}
`;
