/**
 * The lab's computing, in a worker: plans sweeps, runs them in rounds of trials that take a fraction of a second, and
 * tells how they stand. Everything is computed by the same code as on the command line.
 */
import * as tf from '@tensorflow/tfjs';
import { releaseProxy, type ProxyMethods } from 'comlink';
import type { AdapterType } from '../advise/config.js';
import type { BackendReport } from '../backend/backend.js';
import { listBackends } from '../backend/useBackend.js';
import { clock } from '../flow/normalization.js';
import { addFile, inMemory, removeFile } from '../files/disk.js';
import { readSafetensors } from '../files/safetensors.js';
import { InputError } from '../host/inputError.js';
import { runProvenance, type Provenance } from '../host/provenance.js';
import { csv, parquet } from '../results/tables.js';
import { openDevice, type Device } from '../solver/device.js';
import { accuracyFloor, excessFloor } from '../sweep/accuracyFloor.js';
import { lawOf, metricOf, pathOf, sharesTimeOfFullFineTuning } from '../sweep/law.js';
import { makePlan, totalTrials, type Cell, type Plan } from '../sweep/plan.js';
import { trialIntegers, trialTexts, type TrialRow } from '../sweep/row.js';
import { waysOf } from '../run/trials.js';
import { checks, verify } from '../verify/verify.js';
import { Adviser } from './adviser.js';
import { blobBytes } from './blobBytes.js';
import { commandOf, configOf, MOST_ENTRIES } from './flags.js';
import { Gate, Stopped } from './gate.js';
import * as protocol from './protocol.js';
import { followSingularValues, runRounds } from './rounds.js';
import { Tally } from './tally.js';

/** More of them would not be drawn, and their rows would fill the memory of a phone. */
const MOST_TRAJECTORIES = 100_000;
/** Seconds between two accounts to the page, at least, and in times of what the last one took. */
const TELL = 0.1;
const SHARE = 10;
const inBrowsers: readonly string[] = ['webgpu', 'webgl', 'wasm', 'cpu'];

const seconds = () => performance.now() / 1000;

/** Tells of each weight, and lets the work go on unless it is stopped. */
const weightPass = (gate: Gate, listener: protocol.AdviseListener) => async (done: number, total: number) => {
  await listener.progress(done, total);
  await gate.pass();
};

export class LabEngine implements protocol.Engine {
  private plan: Plan | null = null;
  private cell: Cell | null = null;
  private gate = new Gate();
  /** The device that was used last, and what it was asked for as: its programs are kept. */
  private device: { readonly backendName: string; readonly opened: Device } | null = null;
  private tally: Tally | null = null;
  private provenance: Provenance | null = null;
  private readonly adviser = new Adviser();
  /** Name of the file that was added last. */
  private file = '';
  /** Promise of the work at hand, or of the last. */
  private running: Promise<unknown> = Promise.resolve();

  async backends(): Promise<readonly BackendReport[]> {
    const reports = await this.enqueue(() => listBackends());
    return reports.filter(({ name }) => inBrowsers.includes(name));
  }

  addFile(name: string, bytes: Uint8Array<ArrayBuffer>): readonly string[] {
    removeFile(this.file);
    this.file = name;
    addFile(name, inMemory(bytes));
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
        trials: cell.draws * cell.trials,
        law: lawOf(cell)?.value ?? null,
        floor: accuracyFloor(cell, plan.config.precision),
        excessFloor: excessFloor(cell.problem, plan.config.precision),
      })),
      command: commandOf('sweep', flags),
    };
  }

  look(rank: number): protocol.Look {
    const { cells, config } = this.currentPlan();
    const cell = cells.find((each) => each.rank === rank)!;
    this.cell = cell;
    const { problem, coefficients, flow, stop, draws } = cell;
    const times = stop.saveTimes;
    const small = (problem.n + problem.m) * rank ** 2 <= MOST_ENTRIES;
    const path = small ? pathOf(cell, 0, config.seed) : null;
    const isFullBeside = draws === 1 && sharesTimeOfFullFineTuning(cell);
    const full = isFullBeside ? times.map((time) => problem.fullFineTuningLoss(time)) : [null];
    return {
      rank,
      times,
      closedForm: path && {
        name: path.name,
        loss: times.map((time) => path.loss(clock(coefficients, flow) * time)),
      },
      fullFineTuning: full.includes(null) ? null : (full as number[]),
      optimum: draws === 1 ? problem.optimum(rank) : null,
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
        how:
          path === 'fused'
            ? 'by a fused kernel'
            : `${path === 'krylov' ? 'in Krylov spaces' : 'by tensor operations'} (${reason ?? 'as asked'})`,
      });
      const startedAt = seconds();
      const measureTime = () => (tally.seconds = seconds() - startedAt - gate.secondsWaited);
      const pass = this.accountingPass(tally, gate, listener, measureTime);
      await followSingularValues(this.cell!, plan.config, device, tally, pass);
      await runRounds(plan, device, tally, pass, measureTime);
      await pass(true);
    });
  }

  follow(listener: protocol.SweepListener): Promise<protocol.RunEnd> {
    const plan = this.currentPlan();
    return this.begin(listener, async (gate) => {
      const tally = this.tally!;
      const pass = this.accountingPass(tally, gate, listener);
      await followSingularValues(this.cell!, plan.config, await this.deviceFor(plan), tally, pass);
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

  give(side: protocol.Side, label: string, files: readonly protocol.GivenFile[]): protocol.Given {
    const bytes = files.map(
      ({ path, file }) => [path, blobBytes(`${protocol.sideNames[side]}/${path}`, file)] as const,
    );
    return this.adviser.give(side, label, new Map(bytes));
  }

  advise(settings: protocol.AdviseSettings, listener: protocol.AdviseListener): Promise<protocol.RunEnd> {
    return this.begin(listener, (gate) => this.adviser.advise(settings, weightPass(gate, listener)));
  }

  advice(budget: string): protocol.AdviceView {
    return this.adviser.within(budget);
  }

  adviceFile(format: 'json' | 'csv'): Uint8Array<ArrayBuffer> {
    return new TextEncoder().encode(this.adviser.file(format));
  }

  writeAdapter(
    budget: number,
    dtype: AdapterType,
    listener: protocol.AdviseListener,
  ): Promise<protocol.RunEnd> {
    return this.begin(listener, (gate) =>
      this.adviser.writeAdapter(budget, dtype, weightPass(gate, listener)),
    );
  }

  adapter(): protocol.WrittenAdapter {
    return this.adviser.adapter();
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
    if (this.device?.backendName !== backend) {
      await this.closeDevice();
      this.device = { backendName: backend, opened: await openDevice(backend, { workers: 1 }) };
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
}
