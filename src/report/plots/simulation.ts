/**
 * The plots of one simulation: every trial a thin line, and over them what theory knows. Long runs are thinned
 * before drawing (trials, save times), and the caption says by how much.
 */
import { formatCount } from '../format.js';
import { outcomeNames } from '../outcomes.js';
import { memoized } from '../../numbers/memoized.js';
import type { SimulationReport, SimulationRisk, SimulationTrial } from '../../simulation/report.js';
import { trialOpacity, trialWidth, type Kind, type Line, type LinePlot } from './linePlot.js';
import { observablePlots } from './observables.js';
import { notBelow, timeAxis, valueAxis } from './axes.js';
import { plotTitle } from './layout.js';
import {
  dashed,
  dotted,
  fullFineTuningColor,
  ink,
  optimumColor,
  orderedColors,
  outcomeColors,
  solid,
  type Figure,
} from './theme.js';

const fullFineTuning = 'full fine-tuning';
const mostTrials = 64;
const mostLines = 256;
const mostTimes = 240;

/** At most `most` (two or more) members spread evenly over a list, the first and last among them. */
function spread<T>(list: readonly T[], most: number): readonly T[] {
  if (list.length <= most) return list;
  const picked = new Set(
    Array.from({ length: most }, (_, index) => Math.round((index * (list.length - 1)) / (most - 1))),
  );
  return list.filter((_, index) => picked.has(index));
}

function drawLines(report: SimulationReport, plot: LinePlot, drawnNote: string): Figure {
  const { times, rank } = report;
  const x = timeAxis(times);
  const valuesOf = (leaves: boolean) =>
    plot.lines.filter((line) => (line.leaves ?? false) === leaves).flatMap(({ values }) => values);
  const visibleValues = valuesOf(false);
  const y = valueAxis(
    [...visibleValues, ...notBelow(valuesOf(true), visibleValues)],
    plot.quantity,
    plot.choice,
  );
  const picked = spread([...times.keys()], mostTimes);
  const ends = [times[0] ?? 0, times.at(-1) ?? 1].map((time) => x.place(time) ?? x.scale.domain[0]);
  const rows = plot.lines.flatMap(({ kind, values, leaves }, line) =>
    typeof values === 'number'
      ? ends.map((time) => ({ kind, line, time, value: y.place(values) }))
      : picked.map((index) => ({
          kind,
          line,
          time: x.place(times[index] ?? NaN),
          value: (leaves ? y.within : y.place)(values[index] ?? NaN),
        })),
  );
  const { kinds } = plot;
  const domain = kinds.map(({ name }) => name);
  const kindScale = <T>(range: readonly T[]) => ({
    field: 'kind',
    type: 'ordinal' as const,
    sort: domain,
    scale: { type: 'ordinal' as const, domain, range: [...range] },
    legend: { title: null, symbolSize: 400, columns: Math.ceil(kinds.length / 18) },
  });
  const thinned =
    picked.length < times.length ? `${picked.length} of ${formatCount(times.length)} times drawn.` : '';
  const leaving = valuesOf(true).some((value) => y.within(value) === null)
    ? 'Full fine-tuning goes on falling below the picture.'
    : '';
  return {
    id: plot.id,
    heading: plot.heading,
    caption: [plot.reading, leaving, drawnNote, thinned, x.note, y.note]
      .filter((part) => part !== '')
      .join(' '),
    spec: {
      width: 520,
      height: 320,
      title: plotTitle(plot.title, `${report.title}, rank ${rank}`),
      data: { values: rows.filter(({ time, value }) => time !== null && value !== null) },
      mark: { type: 'line' },
      encoding: {
        x: { field: 'time', type: 'quantitative', scale: x.scale, axis: x.axis },
        y: { field: 'value', type: 'quantitative', scale: y.scale, axis: y.axis },
        detail: { field: 'line' },
        color: kindScale(kinds.map(({ color }) => color)),
        strokeDash: kindScale(kinds.map(({ dash }) => [...dash])),
        strokeWidth: kindScale(kinds.map(({ width }) => width)),
        strokeOpacity: kindScale(kinds.map(({ opacity }) => opacity)),
      },
    },
  };
}

function outcomeKinds(trials: readonly SimulationTrial[]): Kind[] {
  return outcomeNames
    .filter((name) => trials.some(({ outcome }) => outcome === name))
    .map((name) => ({
      name: `trial, ${name}`,
      color: outcomeColors[name],
      dash: solid,
      width: trialWidth(trials.length),
      opacity: trialOpacity(trials.length),
    }));
}

/**
 * Loss, excess over the optimum (where known), singular values, gradient norm and balancedness against time; of the same
 * report the same, so that each is drawn once.
 */
export const simulationFigures = memoized((report: SimulationReport): readonly Figure[] => {
  const { closedForm, fullFineTuningLoss, optimum, rank, isGradientFlow } = report;
  const trials = spread(report.trials, mostTrials);
  const note = drawnNote(trials.length, report.trials.length);
  const ofTrials = outcomeKinds(trials);
  const linesOf = (values: (trial: SimulationTrial) => readonly number[]): Line[] =>
    trials.map((trial) => ({ kind: `trial, ${trial.outcome}`, values: values(trial) }));

  const kinds = [...ofTrials];
  const lines = linesOf(({ loss }) => loss);
  const overlay = (name: string, values: Line['values'] | null, style: Omit<Kind, 'name'>) => {
    if (values === null) return;
    kinds.push({ name, ...style });
    lines.push({ kind: name, values, leaves: name === fullFineTuning });
  };
  overlay(`optimum of rank ${rank}`, optimum, { color: optimumColor, dash: dotted, width: 2, opacity: 1 });
  overlay(fullFineTuning, fullFineTuningLoss, {
    color: fullFineTuningColor,
    dash: solid,
    width: 2,
    opacity: 1,
  });
  overlay(closedForm?.name ?? '', closedForm?.loss ?? null, {
    color: ink,
    dash: dashed,
    width: 1.8,
    opacity: 1,
  });

  const plots: LinePlot[] = [
    {
      id: 'loss',
      heading: 'Loss over time',
      title: 'Loss over time',
      quantity: 'loss',
      choice: 'auto',
      reading:
        `Each thin line is one trial.${closedForm ? ' The dashed line is the closed form.' : ''}` +
        (fullFineTuningLoss && !isGradientFlow
          ? ' Full fine-tuning is the gradient flow of W, without decay.'
          : ''),
      kinds,
      lines,
    },
  ];
  if (trials.some(({ excess }) => excess !== null))
    plots.push({
      id: 'excess',
      heading: 'Excess over the optimum',
      title: `Loss above the optimum of rank ${rank}`,
      quantity: 'loss − optimum',
      choice: 'log',
      reading:
        'How far each trial still is from the best of its rank; a plateau is a saddle, a ragged floor is rounding.',
      kinds: ofTrials,
      lines: linesOf(({ excess }) => excess ?? []),
    });
  if (report.risk) plots.push(riskPlot(report, report.risk, trials, ofTrials));
  plots.push({
    id: 'gradient-norm',
    heading: 'Gradient norm',
    title: 'Gradient norm over time',
    quantity: 'gradient norm',
    choice: 'log',
    reading: isGradientFlow
      ? 'A trial is stationary once this falls below the steady-state tolerance; a long dip is a saddle passed.'
      : 'Of the loss alone: trials that come to rest elsewhere than at its stationary points do not take it to 0.',
    kinds: ofTrials,
    lines: linesOf(({ gradientNorm }) => gradientNorm),
  });
  // With a frozen factor there is none.
  if (trials.some(({ balancedness }) => balancedness.some(Number.isFinite)))
    plots.push({
      id: 'balancedness',
      heading: 'Balancedness',
      title: 'Balancedness of the two factors',
      quantity: '‖XᵀX − YᵀY‖ (Frobenius)',
      choice: 'linear',
      reading: isGradientFlow
        ? 'The flow conserves it, so a line that is not flat shows the error of the method.'
        : 'The gradient flow would conserve it; what moves the factors here need not.',
      kinds: ofTrials,
      lines: linesOf(({ balancedness }) => balancedness),
    });
  plots.push(...observablePlots(report, trials));
  const figures = plots.map((plot) => drawLines(report, plot, note));
  const place = plots.findIndex(({ id }) => id === 'gradient-norm');
  figures.splice(place, 0, singularValueFigure(report));
  return figures;
});

/** The error against the clean target: it falls while the signal is learned, and rises with the noise. */
function riskPlot(
  { closedForm }: SimulationReport,
  { scale, trials: risks, fullFineTuning: full, closedForm: along }: SimulationRisk,
  trials: readonly SimulationTrial[],
  ofTrials: readonly Kind[],
): LinePlot {
  const relative = (values: readonly number[]) => values.map((risk) => risk / scale);
  const kind = (name: string, color: string, dash: readonly number[]): Kind => ({
    ...{ name, color, dash, width: 2, opacity: 1 },
  });
  const beside = [
    ...(full ? [{ kind: kind(fullFineTuning, fullFineTuningColor, solid), values: relative(full) }] : []),
    ...(along
      ? [{ kind: kind(closedForm?.name ?? 'closed form', ink, dashed), values: relative(along) }]
      : []),
    { kind: kind('W₀', optimumColor, dotted), values: 1 },
  ];
  return {
    id: 'risk',
    heading: 'Risk over time',
    title: 'Risk over time',
    quantity: 'risk, relative to that of W₀',
    choice: 'auto',
    reading:
      'The squared error against the clean target, which training does not see; its least value is when to stop.',
    kinds: [...ofTrials, ...beside.map((each) => each.kind)],
    lines: [
      ...trials.map(({ trial, outcome }) => ({
        kind: `trial, ${outcome}`,
        values: relative(risks[trial] ?? []),
      })),
      ...beside.map(({ kind: { name }, values }) => ({ kind: name, values })),
    ],
  };
}

function drawnNote(count: number, all: number): string {
  return count < all
    ? `${count} of ${formatCount(all)} trials are drawn, evenly spread over their numbers.`
    : '';
}

function singularValueFigure(report: SimulationReport): Figure {
  const { rank, closedForm, risk, targetSingularValues } = report;
  const edge = risk?.noiseEdge ?? null;
  const trials = spread(report.trials, Math.min(mostTrials, Math.max(2, Math.floor(mostLines / rank))));
  const colors = orderedColors(rank);
  const name = (index: number) =>
    `σ${[...String(index + 1)].map((digit) => '₀₁₂₃₄₅₆₇₈₉'[Number(digit)]).join('')}`;
  const kinds: Kind[] = colors.map((color, index) => ({
    name: name(index),
    color,
    dash: solid,
    width: trialWidth(trials.length),
    opacity: trialOpacity(trials.length),
  }));
  const lines: Line[] = trials.flatMap(({ singularValues }) =>
    colors.map((_, index) => ({ kind: name(index), values: singularValues.map((all) => all[index] ?? NaN) })),
  );
  if (targetSingularValues) {
    const kind = 'target';
    kinds.push({ name: kind, color: fullFineTuningColor, dash: dotted, width: 1.8, opacity: 1 });
    lines.push(...targetSingularValues.slice(0, rank).map((values) => ({ kind, values })));
  }
  if (edge !== null) {
    const kind = 'noise edge';
    kinds.push({ name: kind, color: '#D55E00', dash: dashed, width: 2, opacity: 1 });
    lines.push({ kind, values: edge });
  }
  const theory = closedForm?.singularValues;
  if (closedForm && theory) {
    kinds.push({ name: closedForm.name, color: ink, dash: dashed, width: 1.4, opacity: 1 });
    lines.push(
      ...colors.map((_, index) => ({
        kind: closedForm.name,
        values: theory.map((all) => all[index] ?? NaN),
      })),
    );
  }
  return drawLines(
    report,
    {
      id: 'singular-values',
      heading: 'Singular values of the update',
      title: 'Singular values of the update s B A',
      quantity: 'singular value',
      choice: 'linear',
      reading:
        `Each colour is one singular value, each line one trial.` +
        (targetSingularValues
          ? ` Dotted rules are the ${rank} largest of the target${edge === null ? '' : ' with its noise'}.`
          : '') +
        (edge === null
          ? ''
          : ` The noise edge is τ(1 + √(n/m)), τ = ${risk?.noise}: what lies below it may be noise alone.`),
      kinds,
      lines,
    },
    drawnNote(trials.length, report.trials.length),
  );
}
