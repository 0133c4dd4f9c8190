/**
 * Form of numbers in every report: four significant digits in one fixed form, so that columns
 * line up and two runs can be compared by eye. What is not a finite number is written "-".
 */

/** The mark for "there is no such number". */
const noNumber = '-';

/** Four significant digits: plain from 0.001 to 9999, scientific outside, "-" if absent or not finite. */
export function formatNumber(value: number | null): string {
  if (value === null || !Number.isFinite(value)) return noNumber;
  if (value === 0) return '0';
  const size = Math.abs(value);
  return size >= 1e-3 && size < 9999.5 ? value.toPrecision(4) : value.toExponential(3);
}

/** Four significant digits, or "< floor" for a size below what its precision can tell from 0 (null: no such floor). */
export function formatAbove(value: number | null, floor: number | null): string {
  return value !== null && floor !== null && Math.abs(value) < floor
    ? `< ${floor.toExponential(1)}`
    : formatNumber(value);
}

/** An interval "[low, high]", or "-" if either end is missing; "< floor" if both ends are below it. */
export function formatInterval(low: number, high: number, floor: number | null = null): string {
  if (!(Number.isFinite(low) && Number.isFinite(high))) return noNumber;
  const ends = [formatAbove(low, floor), formatAbove(high, floor)] as const;
  return ends[0] === ends[1] && ends[0].startsWith('<') ? ends[0] : `[${ends[0]}, ${ends[1]}]`;
}

/** A save time as its user wrote it, to three significant digits: 0.5, 20. */
export const shortTime = (time: number): string => String(Number(time.toPrecision(3)));

/** A whole number with its thousands set apart: 1,024. */
export function formatCount(count: number): string {
  return Number.isFinite(count) ? Math.round(count).toLocaleString('en-US') : noNumber;
}

/** "1 weight", "1,200 weights": a count of what a noun names. */
export const plural = (count: number, noun: string): string =>
  `${formatCount(count)} ${noun}${count === 1 ? '' : 's'}`;

/** Lines of at most `width` characters, broken between words; what is longer than a line is cut. */
export function wrapText(text: string, width: number): string[] {
  const lines: string[] = [];
  const pieces = text.split(/\s+/).flatMap((word) => word.match(new RegExp(`.{1,${width}}`, 'gu')) ?? []);
  for (const piece of pieces) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + piece.length <= width)
      lines[lines.length - 1] = `${last} ${piece}`;
    else lines.push(piece);
  }
  return lines;
}

/** 10 to a whole power in Unicode superscripts: 10⁻³. */
export function formatPowerOfTen(exponent: number): string {
  const digits = [...String(Math.abs(exponent))].map((digit) => '⁰¹²³⁴⁵⁶⁷⁸⁹'[Number(digit)]);
  return `10${exponent < 0 ? '⁻' : ''}${digits.join('')}`;
}

/** "1 h 02 min", "3 min 20 s", "5 s". */
export function formatDuration(seconds: number): string {
  const whole = Math.ceil(seconds);
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60)];
  if (hours > 0) return `${hours} h ${String(minutes).padStart(2, '0')} min`;
  return minutes > 0 ? `${minutes} min ${whole % 60} s` : `${whole} s`;
}
