/**
 * The lab's computing, in a worker: plans sweeps, runs them in rounds of trials that take a fraction of a second, and
 * tells how they stand. Everything is computed by the same code as on the command line.
 */
import * as tf from '@tensorflow/tfjs';
import { releaseProxy, type ProxyMethods } from 'comlink';
import type { BackendReport } from '../backend/backend.js';
import { listBackends } from '../backend/useBackend.js';
import { clock } from '../ensemble/adapter.js';
import { member, membersOf } from '../ensemble/member.js';
import { removeMemoryFile, addMemoryFile } from '../files/disk.js';
import { readMatrix } from '../files/matrix.js';
import { readSafetensors } from '../files/safetensors.js';
import { checkConfig } from '../input/checkConfig.js';
import { configFromText, flagName } from '../input/fromText.js';
import { solveOptions } from '../input/execution.js';
import { bareFlags, spreadSaveTimes } from '../input/horizon.js';
import { parseShape } from '../problem/source.js';
import { InputError } from '../host/inputError.js';
import { closedForm } from '../problem/closedForm.js';
import { runProvenance, type Provenance } from '../host/provenance.js';
import { csv, parquet } from '../results/tables.js';
import { openDevice, type Device } from '../solver/device.js';
import { solve } from '../solver/solve.js';
import { sweepSchema, type SweepConfig } from '../sweep/config.js';
import { accuracyFloor, excessFloor } from '../sweep/accuracyFloor.js';
import { lawOf, metricOf } from '../sweep/law.js';
import { makePlan, totalTrials, type Cell, type Plan } from '../sweep/plan.js';
import { trialIntegers, trialTexts, type TrialRow } from '../sweep/row.js';
import { runTrials, waysOf } from '../run/trials.js';
import { checks, verify } from '../verify/verify.js';
import { Gate, Stopped } from './gate.js';
import type * as protocol from './protocol.js';
import { Tally } from './tally.js';

/** More of them would not be drawn, and their rows would fill the memory of a phone. */
const MOST_TRAJECTORIES = 100_000;
/** Entries of matrices that are decomposed, or of Gram matrices of rows for closed forms, and rows of adapters. */
const MOST_ENTRIES = 2 ** 20;
const MOST_ROWS = 2 ** 14;
/** Seconds that a round of trials should take: short enough to be seen moving, and to be paused. */
const ROUND = 0.4;
/** Seconds between two accounts to the page, at least, and in times of what the last one took. */
const TELL = 0.1;
const SHARE = 10;
/** Trials of the rank that is looked at whose singular values are followed, at most, and how often. */
const FOLLOWED = 6;
const FOLLOWED_TIMES = 96;

const inBrowsers: readonly string[] = ['webgpu', 'webgl', 'wasm', 'cpu'];

const seconds = () => performance.now() / 1000;

export class LabEngine implements protocol.Engine {
  private plan: Plan | null = null;
  private cell: Cell | null = null;
  private gate = new Gate();
  /** The device that was used last, and what it was asked for as: its programs are kept. */
  private device: { readonly asked: string; readonly opened: Device } | null = null;
  private tally: Tally | null = null;
  private provenance: Provenance | null = null;
  /** The file that was given last. */
  private file = '';
  /** Promise of the work at hand, or of the last. */
  private running: Promise<unknown> = Promise.resolve();

  async backends(): Promise<readonly BackendReport[]> {
    const reports = await this.enqueue(() => listBackends());
    return reports.filter(({ name }) => inBrowsers.includes(name));
  }

  addFile(name: string, bytes: Uint8Array<ArrayBuffer>): readonly string[] {
    removeMemoryFile(this.file);
    this.file = name;
    addMemoryFile(name, bytes);
    if (!/\.safetensors$/i.test(name)) return [];
    const matrices = [...readSafetensors(name).tensors].filter(([, { shape }]) => shape.length === 2);
    return matrices.length > 1 ? matrices.map(([tensor]) => tensor) : [];
  }

  async prepare(flags: protocol.Flags): Promise<protocol.Prepared> {
    this.plan = null;
    this.tally = null;
    const plan = await makePlan(configOf(flags));
    if (totalTrials(plan) > MOST_TRAJECTORIES)
      throw new InputError('trials', plan.config.trials, `at most ${MOST_TRAJECTORIES} over all ranks, here`);
    this.plan = plan;
    const first = plan.cells[0]!;
    this.cell = first;
    return {
      metric: metricOf(first),
      lawName: lawOf(first)?.name ?? null,
      ranks: plan.cells.map((cell) => ({
        rank: cell.rank,
        trials: cell.trials,
        law: lawOf(cell)?.value ?? null,
        floor: accuracyFloor(cell, plan.config.precision),
        excessFloor: excessFloor(cell.problem, plan.config.precision),
      })),
      command: commandOf(flags),
    };
  }

  look(rank: number): protocol.Look {
    const { cells, config } = this.currentPlan();
    const cell = cells.find((each) => each.rank === rank)!;
    this.cell = cell;
    const { problem, coefficients, stop } = cell;
    const times = stop.saveTimes;
    const small = (problem.n + problem.m) * rank ** 2 <= MOST_ENTRIES;
    const path = small ? closedForm(problem, member(cell, 0, config.seed).initial()) : null;
    const full = times.map((time) => problem.fullFineTuningLoss(time));
    return {
      rank,
      times,
      closedForm: path && {
        name: path.name,
        loss: times.map((time) => path.loss(clock(coefficients) * time)),
      },
      fullFineTuning: full.includes(null) ? null : (full as number[]),
      optimum: problem.optimum(rank),
      target: problem.loss.targetSingularValues(problem, rank),
      lines: this.tally?.linesOf(cell.index) ?? [],
    };
  }

  run(listener: protocol.SweepListener): Promise<protocol.RunEnd> {
    const plan = this.currentPlan();
    return this.begin(listener, async (gate) => {
      const device = await this.deviceFor(plan);
      const ways = waysOf(plan, device);
      const backend = device.info;
      this.provenance = runProvenance(
        backend,
        plan.config,
        ways.map(({ path }) => path),
      );
      const tally = new Tally(plan);
      this.tally = tally;
      const { path, reason } = ways[0]!;
      await listener.started({
        backend: backend.name,
        device: backend.device,
        how: path === 'fused' ? 'by a fused kernel' : `by tensor operations (${reason ?? 'as asked'})`,
      });
      const startedAt = seconds();
      const measureTime = () => (tally.seconds = seconds() - startedAt - gate.secondsWaited);
      const pass = this.accountingPass(tally, gate, listener, measureTime);
      await this.followSingularValues(plan, device, tally, pass);
      await this.runRounds(plan, device, tally, pass, measureTime);
      await pass(true);
    });
  }

  follow(listener: protocol.SweepListener): Promise<protocol.RunEnd> {
    const plan = this.currentPlan();
    return this.begin(listener, async (gate) => {
      const tally = this.tally!;
      const pass = this.accountingPass(tally, gate, listener);
      await this.followSingularValues(plan, await this.deviceFor(plan), tally, pass);
      await pass(true);
    });
  }

  pause(): void {
    this.gate.shut();
  }

  resume(): void {
    this.gate.open();
  }

  async stop(): Promise<void> {
    this.gate.stop();
    await this.running.catch(() => undefined);
  }

  rows(from: number, to: number): readonly TrialRow[] {
    return this.tally?.rows.slice(from, to) ?? [];
  }

  download(format: 'parquet' | 'csv'): Uint8Array<ArrayBuffer> {
    if (!this.tally || !this.provenance) throw new InputError('download', format, 'asked for after a run');
    const { rows } = this.tally;
    return format === 'parquet'
      ? parquet(
          rows,
          { integers: trialIntegers, texts: trialTexts },
          { rankflow: JSON.stringify(this.provenance) },
        )
      : new TextEncoder().encode(csv(rows));
  }

  checkGroups(): readonly string[] {
    return [...new Set(checks.map(({ id }) => id.split('/')[0]!))];
  }

  verify(
    backend: string,
    only: readonly string[],
    listener: protocol.VerifyListener,
  ): Promise<protocol.RunEnd> {
    return this.begin(listener, async (gate) => {
      const input = { backend, only: [...only] } as Parameters<typeof verify>[0];
      await verify(input, {
        start: (total) => listener.started(total),
        finding: async (finding) => {
          await listener.finding(finding);
          await gate.pass();
        },
      });
    });
  }

  private currentPlan(): Plan {
    if (!this.plan) throw new Error('no sweep has been planned');
    return this.plan;
  }

  /** Runs the work, in the place of what runs, until it is stopped. A device that failed is given back. */
  private begin(listener: object, work: (gate: Gate) => Promise<void>): Promise<protocol.RunEnd> {
    this.gate.stop();
    const gate = new Gate();
    this.gate = gate;
    return this.enqueue(async () => {
      try {
        await gate.pass();
        await work(gate);
        return 'finished';
      } catch (error) {
        if (error instanceof Stopped) return 'stopped';
        if (!(error instanceof InputError)) await this.closeDevice();
        throw error;
      } finally {
        (listener as Partial<ProxyMethods>)[releaseProxy]?.();
      }
    });
  }

  private async deviceFor({ config: { backend } }: Plan): Promise<Device> {
    if (this.device?.asked !== backend) {
      await this.closeDevice();
      this.device = { asked: backend, opened: await openDevice(backend, { workers: 1 }) };
    }
    return this.device.opened;
  }

  private async closeDevice(): Promise<void> {
    const { device } = this;
    this.device = null;
    await device?.opened.close();
  }

  private enqueue<T>(work: () => Promise<T>): Promise<T> {
    const result = this.running.catch(() => undefined).then(work);
    this.running = result;
    return result;
  }

  /** Lets the work go on, unless it is paused or stopped, and tells how it stands, not too often unless forced. */
  private accountingPass(
    tally: Tally,
    gate: Gate,
    listener: protocol.SweepListener,
    measureTime: () => void = () => undefined,
  ): (force?: boolean) => Promise<void> {
    let next = -Infinity;
    return async (force = false) => {
      await gate.pass();
      const now = seconds();
      if (!force && now < next) return;
      measureTime();
      const { numTensors, numBytes } = tf.memory();
      await listener.progress(tally.account(this.cell!.index, numTensors, numBytes));
      const sentAt = seconds();
      next = sentAt + Math.max(TELL, SHARE * (sentAt - now));
    };
  }

  private async runRounds(
    plan: Plan,
    device: Device,
    tally: Tally,
    pass: () => Promise<void>,
    measureTime: () => number,
  ): Promise<void> {
    const most = Math.max(...plan.cells.map(({ trials }) => trials));
    let [size, best] = [4, 0];
    for (let from = 0; from < most;) {
      const startedAt = measureTime();
      const spans = plan.cells
        .map(({ index, trials }) => ({ cell: index, from, to: Math.min(trials, from + size) }))
        .filter((span) => span.to > span.from);
      const watch = (cell: Cell, trial: number, saved: { loss: number }) => {
        tally.addSavePoint(cell, trial, saved);
        return pass();
      };
      for await (const trial of runTrials(plan, spans, device, watch)) {
        tally.addTrial(trial);
        await pass();
      }
      const duration = measureTime() - startedAt;
      tally.addRound(duration);
      from += size;
      // What costs less per trial when there are more of them is done with more, however long it takes.
      const rate = size / duration;
      if (duration < ROUND || rate > 1.3 * best) size *= 2;
      else if (duration > 3 * ROUND) size = Math.max(1, size / 2);
      best = Math.max(best, rate);
    }
  }

  /** Follows the singular values of a few trials of the rank that is looked at. */
  private async followSingularValues(
    { config }: Plan,
    device: Device,
    tally: Tally,
    pass: () => Promise<void>,
  ): Promise<void> {
    const cell = this.cell!;
    const { problem, method, stop } = cell;
    const count = Math.min(cell.trials, FOLLOWED);
    const times = spreadSaveTimes(method, stop.saveTimes.at(-1)!, FOLLOWED_TIMES);
    tally.follow(cell.rank, times, count);
    const members = membersOf(cell, 0, count, config.seed);
    const solution = solve(
      { problem, members },
      {
        ...solveOptions({ method, stop: { ...stop, saveTimes: times } }, config, device),
        detail: 'singular-values',
        watch: ({ trial }, { singularValues }) => {
          tally.addSingularValues(trial, singularValues ?? []);
          return pass();
        },
      },
    );
    for await (const { member, saved } of solution) {
      tally.setSingularValues(
        member.trial,
        saved.map((at) => at?.singularValues ?? []),
      );
      await pass();
    }
  }
}

/** Keys that mean nothing here. */
const notHere = ['out', 'workers', 'chunk', 'tf32', 'targetCi'];

/** @throws InputError also if a flag is unknown, or there is more than one loss, shape, initialization or scaling */
function configOf(flags: protocol.Flags): SweepConfig {
  const allowed = Object.keys(sweepSchema.shape)
    .filter((key) => !notHere.includes(key))
    .map(flagName);
  const unknown = Object.keys(flags).find((name) => !allowed.includes(name));
  if (unknown !== undefined) throw new InputError('flag', unknown, `one of ${allowed.join(', ')}`);
  const config = checkConfig(sweepSchema, configFromText(sweepSchema, flags, bareFlags));
  for (const key of ['loss', 'shape', 'init', 'scaling'] as const)
    if ((config[key]?.length ?? 0) > 1) throw new InputError(key, config[key], 'a single one, here');
  checkSize(config);
  return { ...config, ranks: [...new Set(config.ranks)].sort((a, b) => a - b) };
}

/** Plans of larger problems would keep the worker for minutes. */
function checkSize({ target, base, vectors, shape }: SweepConfig): void {
  const refuse = (field: string, value: string) => {
    throw new InputError(field, value, `of at most ${MOST_ENTRIES} entries, here`);
  };
  for (const [field, location] of Object.entries({ target, base })) {
    if (location === undefined) continue;
    const { rows, cols } = readMatrix(location);
    if (rows * cols > MOST_ENTRIES) refuse(field, `${rows}x${cols}`);
  }
  const { n, m } = shape?.[0] === undefined ? { n: 0, m: 0 } : parseShape(shape[0]);
  if (vectors === 'random' && Math.max(n, m) ** 2 > MOST_ENTRIES)
    refuse('vectors', `random ones of ${n}x${m}`);
  if (n + m > MOST_ROWS) throw new InputError('shape', `${n}x${m}`, `of n + m at most ${MOST_ROWS}, here`);
}

const commandOf = (flags: protocol.Flags): string =>
  ['npx rankflow sweep', ...Object.entries(flags).map(([name, text]) => `--${name} ${quoted(text)}`)].join(
    ' ',
  );

const quoted = (text: string) => (/^[\w.,:/-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);
