/** The risk of a sweep's cells as plots and tables show it: relative to that of W0, at the end and where it is least. */
import { leastBy } from '../numbers/least.js';
import type { CellSummary, CurvePoint } from '../sweep/summary.js';

/** A mean and its 95 % interval, over draws of the target if there are several. */
export interface Estimate {
  readonly mean: number;
  readonly ciLow: number;
  readonly ciHigh: number;
}

/** A cell whose trials have a risk: training does not see the target that counts. */
export interface RiskCell extends CellSummary {
  readonly riskRelative: NonNullable<CellSummary['riskRelative']>;
  readonly riskScale: number;
}

/** The cells that have a risk. */
export const withRisk = (cells: readonly CellSummary[]): RiskCell[] =>
  cells.filter((cell): cell is RiskCell => cell.riskRelative !== null && cell.riskScale !== null);

/** Relative risk at a save time; null where there is none, because trials failed before. */
export function relativeRisk({ riskScale }: RiskCell, { risk }: CurvePoint): Estimate | null {
  if (!risk || !Number.isFinite(risk.mean)) return null;
  return { mean: risk.mean / riskScale, ciLow: risk.ciLow / riskScale, ciHigh: risk.ciHigh / riskScale };
}

/** Where a cell's risk is least: at a save time, which may be the last. */
export interface RiskStop {
  readonly time: number;
  readonly risk: Estimate;
  /** Whether it is worth stopping there. */
  readonly pays: boolean;
}

/** Whether a risk is less than that of going on, by more than a thousandth. */
export const isWorth = (stopped: number, end: number): boolean => stopped < (1 - 1e-3) * end;

/**
 * The save time at which the mean risk of a cell is least over all of its own trials, and the risk there, with an
 * interval also of a single draw; null where there is none. Ranks are compared in src/sweep/tradeOff.ts.
 */
export function bestStop(cell: RiskCell): RiskStop | null {
  const points = cell.curve.flatMap((point) => {
    const risk = relativeRisk(cell, point);
    return risk ? [{ time: point.time, risk }] : [];
  });
  const best = leastBy(points, ({ risk }) => risk.mean);
  return best ? { ...best, pays: isWorth(best.risk.mean, points.at(-1)!.risk.mean) } : null;
}

/** Full fine-tuning at the save times, relative: where its risk is least, and at the last; null where it is unknown. */
export function bestFullFineTuning(
  cells: readonly RiskCell[],
): { readonly time: number; readonly risk: number; readonly last: number } | null {
  const points = cells
    .flatMap(({ curve, riskScale }) =>
      curve.flatMap(({ time, fullFineTuningRisk: risk }) =>
        risk === null ? [] : [{ time, risk: risk / riskScale }],
      ),
    )
    .sort((a, b) => a.time - b.time);
  const best = leastBy(points, ({ risk }) => risk);
  return best ? { ...best, last: points.at(-1)!.risk } : null;
}
