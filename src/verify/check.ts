/**
 * The words of verification: a check states a claim and measures it on a backend; a finding is a measurement beside
 * what is allowed and why. A check never decides by itself whether it passes.
 */
import type { BackendInfo } from '../backend/backend.js';
import type { Device } from '../solver/device.js';
import type { Case } from './cases.js';
import type { CaseSize } from './sizes.js';
import type { VerificationSubject } from './subject.js';

/** Means of a check: random problems, and the subject and backend that it measures. */
export interface CheckContext {
  /** Seed of everything random. */
  readonly seed: number;
  readonly size: CaseSize;
  /**
   * Device that checks compute on: TensorFlow.js is on it while a check measures. Checks on the host do not look at it.
   */
  readonly device: Device;
  /** The backend of the device. */
  readonly backend: BackendInfo;
  readonly subject: VerificationSubject;
  /** Random problems, of every loss. */
  readonly cases: readonly Case[];
}

/** Bounds of a measured number, both inclusive. */
export interface Allowed {
  readonly from: number;
  readonly to: number;
  /** Reason for these bounds, in words. */
  readonly reason: string;
}

export const atMost = (to: number, reason: string): Allowed => ({ from: 0, to, reason });
export const around = (value: number, tolerance: number, reason: string): Allowed => ({
  from: value - tolerance,
  to: value + tolerance,
  reason,
});

/** A curve for the page: error against step size, tolerance, rank or time. */
export interface Curve {
  readonly name: string;
  readonly points: readonly (readonly [number, number])[];
}

/** Curves that share their axes; the y axis is logarithmic. */
export interface CurveSet {
  readonly title: string;
  readonly xTitle: string;
  /** Logarithmic unless given. */
  readonly xScale?: 'linear' | 'log';
  readonly yTitle: string;
  readonly curves: readonly Curve[];
}

export interface Measurement {
  /** The worst of all cases; NaN fails. */
  readonly measured: number;
  readonly allowed: Allowed;
  /** The case that was worst, in words. */
  readonly where: string;
  readonly plot?: CurveSet;
}

export interface Check {
  /** `group/name`. */
  readonly id: string;
  readonly claim: string;
  /** Source in which the claim is stated. */
  readonly source: string;
  /**
   * Place of the measurement: with the backend, or all in float64 on the host, as far as it can evaluate the losses.
   */
  readonly on: 'backend' | 'host';
  /**
   * Losses that it can be made on: rankflow's own (default), any, or any that the host can evaluate in float64.
   */
  readonly scope?: 'own-losses' | 'any-loss' | 'float64-loss';
  /** Tests whether it can be made on a backend (default: on any). */
  suits?(backend: BackendInfo): boolean;
  measure(context: CheckContext): Promise<Measurement>;
}

/** Result of a check on a backend: a row of the table. */
export interface Finding extends Measurement {
  readonly id: string;
  readonly claim: string;
  readonly source: string;
  /** Name of the backend, or 'host'. */
  readonly backend: string;
  readonly pass: boolean;
}

/** Tests whether a measured number is within its bounds; NaN never is. */
export const passes = ({ measured, allowed }: Measurement): boolean =>
  measured >= allowed.from && measured <= allowed.to;

/** Picks, of measurements that each have an upper bound of their own, the one nearest to it, or farthest beyond. */
export function tightest(measurements: readonly Measurement[]): Measurement {
  if (measurements.length === 0) throw new Error('nothing was measured');
  const share = ({ measured, allowed }: Measurement) =>
    Number.isNaN(measured) ? Infinity : measured / allowed.to;
  return measurements.reduce((worst, each) => (share(each) > share(worst) ? each : worst));
}

/** Collector of numbers measured case by case, which keeps the one farthest from its ideal. */
export class Worst {
  private worst: { measured: number; where: string } | null = null;

  /** @param ideal the value that a perfect result has */
  constructor(private readonly ideal = 0) {}

  add(measured: number, where: string): void {
    const distance = (value: number) => (Number.isNaN(value) ? Infinity : Math.abs(value - this.ideal));
    if (!this.worst || distance(measured) > distance(this.worst.measured)) this.worst = { measured, where };
  }

  /** @throws Error if nothing was measured */
  get result(): { readonly measured: number; readonly where: string } {
    if (!this.worst) throw new Error('nothing was measured');
    return this.worst;
  }
}
