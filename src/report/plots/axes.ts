/**
 * Axes chosen from the data: logarithmic where the values span decades, linear otherwise. A log axis has no
 * place for zero, so values at or below its floor are drawn on the floor and a note for the caption says so.
 */
import { formatPowerOfTen } from '../format.js';

/** A scale with its ticks. `place` maps a value to where it is drawn: null if it is not a finite number. */
export interface ChosenAxis {
  readonly scale:
    | { readonly type: 'log'; readonly base: number; readonly domain: [number, number]; readonly nice: false }
    | { readonly type: 'linear'; readonly domain: [number, number]; readonly nice: boolean };
  readonly axis: {
    readonly title: string;
    readonly values?: number[];
    readonly labelExpr?: string;
    readonly tickCount?: number;
  };
  readonly place: (value: number | null) => number | null;
  /** Maps a value as `place` does, but to null too below a log axis: for lines that may leave the picture. */
  readonly within: (value: number | null) => number | null;
  /** A sentence for the caption where some values are not drawn at their own height, else "". */
  readonly note: string;
}

/** Values are told apart on a log axis down to this fraction of the largest. */
const deepest = 1e-12;

/**
 * An axis for values of one quantity. `auto` is logarithmic from a ratio of 20 between the largest and the
 * smallest positive value; `log` is so whenever any value is positive; `linear` never.
 */
export function valueAxis(
  values: readonly (number | null)[],
  title: string,
  choice: 'auto' | 'log' | 'linear' = 'auto',
): ChosenAxis {
  let top = -Infinity;
  let bottom = Infinity;
  let leastPositive = Infinity;
  for (const value of values) {
    if (value === null || !Number.isFinite(value)) continue;
    top = Math.max(top, value);
    bottom = Math.min(bottom, value);
    if (value > 0) leastPositive = Math.min(leastPositive, value);
  }
  const log = top > 0 && (choice === 'log' || (choice === 'auto' && top / leastPositive >= 20));
  return log ? logAxis(bottom, leastPositive, top, title) : linearAxis(bottom, top, title);
}

function finite(value: number | null): number | null {
  return value !== null && Number.isFinite(value) ? value : null;
}

/** Raises values to the least positive one of `others`, so that they do not stretch the axis of those. */
export function notBelow(values: readonly (number | null)[], others: readonly (number | null)[]): number[] {
  const least = others.reduce<number>(
    (low, value) => (value !== null && value > 0 ? Math.min(low, value) : low),
    Infinity,
  );
  const floor = Number.isFinite(least) ? least : 0;
  return values.filter((value) => value !== null).map((value) => Math.max(value, floor));
}

function linearAxis(bottom: number, top: number, title: string): ChosenAxis {
  const low = Math.min(0, Number.isFinite(bottom) ? bottom : 0);
  const high = Math.max(low, Number.isFinite(top) ? top : 0);
  return {
    scale: { type: 'linear', domain: [low, high > low ? high : low + 1], nice: true },
    axis: { title },
    place: finite,
    within: finite,
    note: '',
  };
}

function logAxis(bottom: number, leastPositive: number, top: number, title: string): ChosenAxis {
  const least = Math.max(leastPositive, top * deepest);
  const wide = top / least > 30;
  const low = wide ? Number(`1e${Math.floor(Math.log10(least) + 1e-9)}`) : least / 1.15;
  const ticks = logTicks(low, top * 1.15);
  return {
    scale: { type: 'log', base: 10, domain: [low, top * (wide ? 1.5 : 1.15)], nice: false },
    axis: { title, values: ticks.values, labelExpr: ticks.labelExpr },
    place: (value) => (finite(value) === null ? null : Math.max(low, value ?? low)),
    within: (value) => (value !== null && value >= low ? finite(value) : null),
    note: bottom < low ? `Values below ${logLabel(low)}, zero included, are drawn on the lower edge.` : '',
  };
}

/** A power of ten as such, another value to two digits. */
function logLabel(value: number): string {
  const exponent = Math.round(Math.log10(value));
  return Math.abs(value / 10 ** exponent - 1) < 1e-9 ? formatPowerOfTen(exponent) : value.toPrecision(2);
}

/** Ticks at 1, 2, 5 times powers of ten over a short range, at powers of ten alone over a long one. */
function logTicks(low: number, high: number): { values: number[]; labelExpr: string } {
  const from = Math.floor(Math.log10(low) + 1e-9);
  const to = Math.ceil(Math.log10(high) - 1e-9);
  const short = Math.log10(high / low) < 1.8;
  const stride = Math.max(1, Math.ceil((to - from) / 8));
  const labels = new Map<number, string>();
  for (let exponent = from; exponent <= to; exponent += short ? 1 : stride) {
    for (const factor of short ? [1, 2, 5] : [1]) {
      const value = Number(`${factor}e${exponent}`);
      const plain = Math.abs(exponent) <= 3;
      if (value < low * (1 - 1e-9) || value > high) continue;
      labels.set(
        value,
        short && plain ? String(value) : `${factor === 1 ? '' : `${factor}·`}${formatPowerOfTen(exponent)}`,
      );
    }
  }
  const lookup = JSON.stringify(Object.fromEntries(labels));
  return { values: [...labels.keys()], labelExpr: `${lookup}[datum.value]` };
}

/**
 * An axis for save times: logarithmic if they are spaced roughly geometrically (half of them in the first
 * fifth of the range). Time zero has no place on it and is left out: `place` gives null.
 */
export function timeAxis(times: readonly number[]): ChosenAxis {
  const title = 'time t';
  const positive = [...new Set(times)].filter((time) => time > 0).sort((a, b) => a - b);
  const first = positive[0] ?? 0;
  const last = positive.at(-1) ?? 1;
  const middle = positive[Math.floor(positive.length / 2)] ?? last;
  if (positive.length < 4 || middle > last / 5 || last / first < 20) {
    return {
      scale: { type: 'linear', domain: [0, last], nice: false },
      axis: { title, tickCount: 8 },
      place: finite,
      within: finite,
      note: '',
    };
  }
  const place = (time: number | null) => (time !== null && time > 0 ? finite(time) : null);
  const { values, labelExpr } = logTicks(first, last * (1 + 1e-9));
  return {
    scale: { type: 'log', base: 10, domain: [first, last], nice: false },
    axis: { title, values, labelExpr },
    place,
    within: place,
    note: times.includes(0) ? 'The start, t = 0, has no place on the logarithmic time axis.' : '',
  };
}

/** The axis of ranks: logarithmic to base 2, with a tick at every rank of the sweep. */
export function rankAxis(ranks: readonly number[]) {
  const values = [...new Set(ranks)].sort((a, b) => a - b);
  const low = (values[0] ?? 1) / 2 ** 0.35;
  const high = (values.at(-1) ?? 1) * 2 ** 0.35;
  return {
    scale: { type: 'log' as const, base: 2, domain: [low, high], nice: false },
    axis: { title: 'rank r', values, format: 'd', labelOverlap: 'greedy' as const, labelSeparation: 4 },
  };
}
