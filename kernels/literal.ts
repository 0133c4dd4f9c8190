/** Numbers in the source text of AssemblyScript and WGSL: with the very bits that they have here. */

/** A finite float64 number as a literal of floating point: with a point or an exponent. */
export function real(value: number): string {
  if (!Number.isFinite(value)) throw new Error(`no literal: ${value}`);
  const text = String(value);
  return /[.e]/.test(text) ? text : `${text}.0`;
}
