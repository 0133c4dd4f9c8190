/**
 * Writes the constants of the assembly: the numbers of the control (src/method/control.ts) by their names there, and
 * the codes that it shares with the host.
 */
import { constantName, controlNumbers, real } from '../../constants.js';
import { DIGITS, MOST_ZEROS, outcomeCodes, REPORT, report } from '../../report.js';
import { controlCodes, partCodes, schemeCodes, TERM } from '../layout.js';

/** Every code as a member of an enumeration, 'end-time' as END_TIME. */
const enumeration = (name: string, codes: Readonly<Record<string, number>>): string =>
  `export const enum ${name} {\n${Object.entries(codes)
    .map(([key, code]) => `  ${constantName(key)} = ${code},\n`)
    .join('')}}\n`;

/** @param numbers by name, each a float64 constant */
export const constantsText = (numbers: Readonly<Record<string, number>> = controlNumbers): string =>
  [
    ...Object.entries(numbers).map(([name, value]) => `export const ${name}: f64 = ${real(value)};\n`),
    `/** What a block of binary digits of the progress counts to. */\nexport const DIGITS: f64 = ${real(DIGITS)};\n`,
    `export const MOST_ZEROS: i32 = ${MOST_ZEROS};\n`,
    `/** Bytes of a report, and of a term of a linear combination. */\nexport const REPORT_BYTES: usize = ${4 * REPORT};\n`,
    `export const TERM: usize = ${TERM};\n`,
    `/** Codes of outcomes; 0 while a trajectory runs. */\n${enumeration('Outcome', outcomeCodes)}`,
    `/** Entries of a report, int32 each. */\n${enumeration('Report', report)}`,
    enumeration('Scheme', schemeCodes),
    enumeration('Control', controlCodes),
    `/** Parts of a state. */\n${enumeration('Part', partCodes)}`,
  ].join('');
