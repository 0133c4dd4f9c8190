/**
 * Writes the header of the native kernel (kernels/native): the numbers of the control, the codes that it shares with the
 * host, and the structs of what both read, field by field as layout.ts has them.
 */
import { constantName, controlNumbers, real } from '../../constants.js';
import { DIGITS, MOST_ZEROS, outcomeCodes, REPORT, report } from '../../report.js';
import {
  controlCodes,
  EXACT,
  MOST_TERMS,
  PARAMETER_BYTES,
  parameterFields,
  parameterOffsets,
  partCodes,
  schemeCodes,
  TILE,
  trackFields,
} from '../layout.js';
import { kinds } from '../structures.js';
import { lines } from './text.js';

type Codes = Readonly<Record<string, number>>;

const types = { f64: 'double', i32: 'int32_t', usize: 'uint32_t', place: 'uint32_t' } as const;

/** Every code as an enumerator, 'end-time' as OUTCOME_END_TIME. */
const enumeration = (name: string, codes: Codes): string =>
  `enum { ${Object.entries(codes)
    .map(([key, code]) => `${name}_${constantName(key)} = ${code}`)
    .join(', ')} };`;

/** A struct whose compilation fails unless fields are where the host has them. */
const struct = (name: string, fields: readonly (readonly [string, string])[], offsets: Codes): string => `
struct ${name} {
${lines(fields, ([field, type]) => `  ${type} ${field};`)}
};
${lines(Object.entries(offsets), ([field, offset]) => `static_assert(offsetof(${name}, ${field}) == ${offset});`)}`;

/** @param numbers of the control by name, each a float64 constant */
export const headerText = (numbers: Codes = controlNumbers): string => `#pragma once
#include <stddef.h>
#include <stdint.h>
${lines(Object.entries(numbers), ([name, value]) => `constexpr double ${name} = ${real(value)};`)}
constexpr double DIGITS = ${real(DIGITS)};
${lines(
  Object.entries({ EXACT, MOST_TERMS, MOST_ZEROS, REPORT_ENTRIES: REPORT, TILE }),
  ([name, value]) => `constexpr int ${name} = ${value};`,
)}
${enumeration('OUTCOME', outcomeCodes)}
${enumeration('REPORT', report)}
${enumeration('SCHEME', schemeCodes)}
${enumeration('CONTROL', controlCodes)}
${enumeration('PART', partCodes)}
${enumeration('STRUCTURE', Object.fromEntries(kinds.map((kind, code) => [kind, code])))}
${struct(
  'Parameters',
  Object.entries(parameterFields).map(([field, type]) => [field, types[type]]),
  parameterOffsets,
)}
static_assert(sizeof(Parameters) >= ${PARAMETER_BYTES});
${struct(
  'Track',
  trackFields.map((field) => [field, 'double']),
  Object.fromEntries(trackFields.map((field, i) => [field, 8 * i])),
)}
`;
