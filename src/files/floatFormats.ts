/** Floating-point formats of checkpoints: how far their numbers lie apart, and rounding to 16 bits. */

/** Bits of the significand behind the point, and the exponent of the least normal number. */
interface FloatFormat {
  readonly mantissa: number;
  readonly least: number;
}

const formats = new Map<string, FloatFormat>(
  Object.entries({
    F64: { mantissa: 52, least: -1022 },
    F32: { mantissa: 23, least: -126 },
    BF16: { mantissa: 7, least: -126 },
    F16: { mantissa: 10, least: -14 },
    F8_E4M3: { mantissa: 3, least: -6 },
    F8_E5M2: { mantissa: 2, least: -14 },
  }),
);

/** Tests whether a type of safetensors is one of floating-point numbers that are read. */
export const isFloat = (dtype: string): boolean => formats.has(dtype);

const double = new Float64Array(1);
const words = new Uint32Array(double.buffer);

/** The whole number e with 2^e <= |value| < 2^(e + 1), of a normal number in float64; -1023 of smaller ones. */
function exponentOf(value: number): number {
  double[0] = value;
  return ((words[1]! >>> 20) & 0x7ff) - 1023;
}

/** Replaces each number by the distance between its neighbours of its own size in a format (its ulp). */
export function toSpacings(values: Float64Array, dtype: string): void {
  const { mantissa, least } = formats.get(dtype)!;
  const ofExponent = Float64Array.from(
    { length: 2 ** 11 },
    (_, i) => 2 ** (Math.max(i - 1023, least) - mantissa),
  );
  for (let i = 0; i < values.length; i++) values[i] = ofExponent[exponentOf(values[i]!) + 1023]!;
}

/** 16-bit formats that adapters are written in. */
export type Half = 'BF16' | 'F16';

const INFINITE: Readonly<Record<Half, number>> = { BF16: 0x7f80, F16: 0x7c00 };

/** Finite numbers as the bits of the nearest ones of a 16-bit format, ties to even; infinity beyond the largest. */
export function toHalf(values: ArrayLike<number>, dtype: Half): Uint16Array<ArrayBuffer> {
  const { mantissa, least } = formats.get(dtype)!;
  const bits = new Uint16Array(values.length);
  for (let i = 0; i < bits.length; i++) {
    const size = Math.abs(values[i]!);
    const exponent = Math.max(exponentOf(size), least);
    const units = nearestEven(size / 2 ** (exponent - mantissa));
    // Units from 2^mantissa on carry into the exponent; below it the number is subnormal.
    const magnitude = ((exponent - least) << mantissa) + units;
    bits[i] = Math.min(magnitude, INFINITE[dtype]) | (values[i]! < 0 ? 0x8000 : 0);
  }
  return bits;
}

function nearestEven(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  return rest > 0.5 || (rest === 0.5 && below % 2 === 1) ? below + 1 : below;
}
