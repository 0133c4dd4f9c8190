/** Writes the assembly's classes of what it shares with the host, field by field as layout.ts has them. */
import { parameterFields, parameterOffsets, trackFields, type FieldType } from '../layout.js';

/** A class that lies in memory as it is written; its compilation fails unless fields are where the host has them. */
function classText(
  name: string,
  fields: readonly (readonly [string, Exclude<FieldType, 'place'>])[],
  offsets: readonly number[],
): string {
  const checks = fields.map(
    ([field], i) =>
      `  if (offsetof<${name}>('${field}') != ${offsets[i]}) ERROR('${field} of ${name} is elsewhere');\n`,
  );
  return `@unmanaged
export class ${name} {
${fields.map(([field, type]) => `  ${field}: ${type};\n`).join('')}}

export function check${name}(): void {
${checks.join('')}}
`;
}

export const classesText = (): string =>
  classText(
    'Parameters',
    Object.entries(parameterFields).map(([name, type]) => [name, type === 'place' ? 'usize' : type]),
    Object.values(parameterOffsets),
  ) +
  classText(
    'Track',
    trackFields.map((name) => [name, 'f64']),
    trackFields.map((_, i) => 8 * i),
  );
